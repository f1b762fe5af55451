import { DrizzleQueryError } from "drizzle-orm/errors";
import pg from "pg";
import postgres from "postgres";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createLogger, type LoggerOptions } from "../../src/log.ts";
import { describeError } from "../../src/log-error.ts";
import { version } from "../../src/version.ts";

const mail = "hanako@example.com";

function setup(options: Partial<LoggerOptions> & { isTTY?: boolean } = {}) {
  const written: string[] = [];
  const { isTTY, ...rest } = options;
  const destination = { write: (line: string) => void written.push(line), ...(isTTY === undefined ? {} : { isTTY }) };
  const logger = createLogger({ level: "info", destination, ...rest });
  return {
    logger,
    text: () => written.join(""),
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** What drizzle throws over postgres.js: the mail address stands in the message, the parameters and the cause. */
function databaseError(): DrizzleQueryError {
  const cause = new postgres.PostgresError(`invalid input syntax for type integer: "${mail}"`);
  const detail = `Key (email)=(${mail}) already exists.`;
  Object.assign(cause, { code: "22P02", severity: "ERROR", constraint_name: "customers_email_key", detail });
  return new DrizzleQueryError("insert into customers values ($1)", [mail, "x\n    at tell (/home/hanako:1:1)"], cause);
}

describe("a line", () => {
  test("is one JSON object with level, time, service, version, fields and words", () => {
    const { logger, text, lines } = setup();

    logger.warn({ operationId: "op_1" }, "put back");

    expect(text()).toMatch(/^\{[^\n]*\}\n$/);
    const [line] = lines();
    expect(line).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: "keiyaku",
      version,
      operationId: "op_1",
      msg: "put back",
    });
  });

  test("of a child carries what the child was given", () => {
    const { logger, lines } = setup();

    logger.child({ contractId: "c_1" }).child({ operationId: "op_1" }).info({ attempt: 2 }, "admitted");

    expect(lines()).toEqual([expect.objectContaining({ contractId: "c_1", operationId: "op_1", attempt: 2 })]);
  });

  test("below the level is not written", () => {
    const { logger, text } = setup({ level: "error" });

    logger.warn("not this");

    expect(text()).toBe("");
  });
});

describe("for people", () => {
  test("a terminal gets words instead of JSON, and anything else does not", () => {
    const onTerminal = setup({ isTTY: true });
    const onPipe = setup({ isTTY: false });

    for (const { logger } of [onTerminal, onPipe]) logger.info({ operationId: "op_1" }, "admitted");

    expect(onTerminal.text()).toContain("admitted");
    expect(onTerminal.text()).toContain("op_1");
    expect(() => onTerminal.lines()).toThrow(SyntaxError);
    expect(onPipe.lines()).toHaveLength(1);
  });

  test("what the caller decides goes before what the destination is", () => {
    const jsonOnTerminal = setup({ isTTY: true, pretty: false });
    const prettyOnPipe = setup({ pretty: true });

    for (const { logger } of [jsonOnTerminal, prettyOnPipe]) logger.info("admitted");

    expect(jsonOnTerminal.lines()).toHaveLength(1);
    expect(prettyOnPipe.text()).toMatch(/^\[.*INFO.*admitted\n$/);
  });
});

describe("an error", () => {
  test("is told by name, message, code, places and cause", () => {
    const { logger, lines } = setup();
    const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), {
      code: "ECONNREFUSED",
      secret: mail,
    });

    logger.error({ err: new TypeError("no connection", { cause: refused }) }, "failed");

    expect(lines()[0]).toMatchObject({
      msg: "failed",
      err: {
        name: "TypeError",
        message: "no connection",
        frames: expect.arrayContaining([expect.stringContaining("log.test.ts:")]),
        cause: { name: "Error", message: "connect ECONNREFUSED 127.0.0.1:5432", code: "ECONNREFUSED" },
      },
    });
  });

  test("of the database is told by code, constraint and place, never by what it was about", () => {
    const { logger, text, lines } = setup();

    logger.error({ err: databaseError() }, "failed");

    expect(text()).not.toContain("hanako");
    expect(text()).not.toContain("insert into");
    expect(lines()[0]).toMatchObject({
      err: {
        name: "DrizzleQueryError",
        frames: expect.arrayContaining([expect.stringContaining("log.test.ts:")]),
        cause: { name: "PostgresError", code: "22P02", constraint: "customers_email_key" },
      },
    });
  });

  test.each<[string, (logger: ReturnType<typeof setup>["logger"], error: Error) => void]>([
    ["alone", (logger, error) => logger.error(error)],
    ["alone under err", (logger, error) => logger.error({ err: error })],
    ["with words", (logger, error) => logger.error(error, "failed")],
    ["under another name", (logger, error) => logger.error({ reason: error }, "failed")],
    ["inside a field", (logger, error) => logger.error({ outcome: { type: "retry", errors: [error] } }, "failed")],
    ["given to a child", (logger, error) => logger.child({ reason: error }).error("failed")],
    ["given to a child of a child", (logger, error) => logger.child({}).child({ err: error }).error("failed")],
    ["among the values of a text", (logger, error) => logger.error("failed: %s %o", error, error)],
    ["as the words", (logger, error) => logger.error({ attempt: 1 }, error as never)],
    ["as a cause", (logger, error) => logger.error({ err: new Error("outer", { cause: error }) }, "failed")],
    ["among several", (logger, error) => logger.error({ err: new AggregateError([error], "all failed") }, "failed")],
  ])("of the database tells no parameter when it is logged %s", (_, log) => {
    for (const pretty of [false, true]) {
      const { logger, text } = setup({ pretty });

      log(logger, databaseError());

      expect(text()).not.toContain("hanako");
      expect(text()).toMatch(/DrizzleQueryError/);
    }
  });

  test("that quotes its input is told without its message", () => {
    function thrownBy(work: () => unknown): unknown {
      try {
        work();
      } catch (error) {
        return error;
      }
      throw new Error("nothing was thrown");
    }
    const errors = [
      thrownBy(() => JSON.parse(mail)),
      thrownBy(() => z.strictObject({}).parse({ [mail]: 1 })),
      Object.assign(new pg.DatabaseError(mail, 1, "error"), { severity: "ERROR", code: "23505" }),
    ];

    for (const error of errors) {
      expect(String((error as Error).message)).toContain(mail);
      expect(JSON.stringify(describeError(error))).not.toContain(mail);
      expect(describeError(error).name).toMatch(/^(SyntaxError|ZodError|DatabaseError)$/);
    }
  });

  test("that is none, or is its own cause, still makes a line", () => {
    const ring = new Error("ring");
    ring.cause = ring;

    expect(describeError(mail)).toEqual({ name: "thrown string" });
    expect(describeError(null)).toEqual({ name: "thrown null" });
    expect(JSON.stringify(describeError(ring)).match(/"ring"/g)).toHaveLength(5);
  });
});
