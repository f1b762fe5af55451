import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandContext } from "../../../src/cli/context.ts";
import { explainFailure, writeFailure } from "../../../src/cli/explain-failure.ts";
import type { Output } from "../../../src/cli/output.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { readConfig } from "../../../src/config.ts";
import { Secret } from "../../../src/secret.ts";
import { holdOperation } from "../../../src/store/hold-operation.ts";
import { Pace } from "../../../src/stripe/pace.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { addressOf } from "../../support/test-database.ts";

/** A command's surroundings without a process: a database of the test's own, and what it writes as text. */
export interface CommandBench {
  readonly bench: ExecutionBench;
  readonly context: CommandContext;
  /** Runs a command and returns its exit code, failures explained as the program does; what it wrote begins anew. */
  run(command: (context: CommandContext) => Promise<number>, overrides?: Partial<CommandContext>): Promise<number>;
  /** What the last command wrote. */
  out(): string;
  err(): string;
  json(): unknown;
  /** Everything that the last command wrote as JSON, an object a line. */
  jsonLines(): readonly Record<string, unknown>[];
  /** Carries out whatever is open and due, as workers would, until nothing is. */
  drain(): Promise<void>;
  /** Lets an open operation be held, as one whose attempts are used up. */
  hold(operationId: string): Promise<void>;
  /** A file with these lines. */
  file(lines: readonly (object | string | Buffer)[]): Promise<string>;
  close(): Promise<void>;
}

export async function setUpCommand(env: NodeJS.ProcessEnv = {}): Promise<CommandBench> {
  const bench = await createExecutionBench();
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-cli-"));
  let files = 0;
  const written = { out: "", err: "" };
  const output = (name: "out" | "err"): Output => ({
    write(text) {
      written[name] += text;
    },
    terminal: null,
    hasColors: false,
  });
  const context: CommandContext = {
    db: bench.db,
    address: addressOf(bench.url),
    queue: { type: "postgres", address: addressOf(bench.url) },
    config: readConfig(env),
    clock: systemClock,
    stripe: {
      secretKey: new Secret(bench.stripe.secretKey),
      apiBase: bench.stripe.url,
      account: null,
      pace: new Pace({ perSecond: Infinity, perEndpoint: Infinity }, systemClock),
    },
    out: output("out"),
    err: output("err"),
    signal: new AbortController().signal,
    ask: null,
  };
  return {
    bench,
    context,
    async run(command, overrides = {}) {
      written.out = "";
      written.err = "";
      try {
        return await command({ ...context, ...overrides });
      } catch (error) {
        const { exitCode, failures } = explainFailure(error);
        for (const failure of failures) writeFailure(context.err, failure);
        return exitCode;
      }
    },
    out: () => written.out,
    err: () => written.err,
    json: () => JSON.parse(written.out),
    jsonLines: () =>
      written.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async drain() {
      for (;;) {
        const open = await bench.sql`select id from keiyaku.operations where state = 'requested' order by sequence`;
        if (open.length === 0) return;
        for (const { id } of open) await bench.execute(id as string);
      }
    },
    async hold(operationId) {
      const [row] =
        await bench.sql`select contract_id, state, attempt from keiyaku.operations where id = ${operationId}`;
      const guard = { operationId, state: row?.state, attempt: row?.attempt };
      await holdOperation(bench.db, guard, row?.contract_id, {
        code: "attempts_exhausted",
        detail: { attempts: 10, lastReason: "stripe_unexpected" },
      });
    },
    async file(lines) {
      files += 1;
      const path = join(folder, `${files}.ndjson`);
      const parts = lines.flatMap((line) => [
        Buffer.isBuffer(line) ? line : Buffer.from(typeof line === "string" ? line : JSON.stringify(line)),
        Buffer.from("\n"),
      ]);
      await writeFile(path, Buffer.concat(parts));
      return path;
    },
    async close() {
      await rm(folder, { recursive: true, force: true });
      await bench.close();
    },
  };
}

/** A clock on which no time is lost: what sleeps wakes at once and finds the time gone by. */
export function hurriedClock(): Clock {
  let aheadMs = 0;
  return {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      aheadMs += ms;
      await systemClock.sleep(0, signal);
    },
  };
}
