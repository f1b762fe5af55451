import { describe, expect, it } from "vitest";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { explainFailure, writeFailure } from "../../../src/cli/explain-failure.ts";
import { ConfigError } from "../../../src/config.ts";
import { StoreError } from "../../../src/store/store-error.ts";

describe("a failure", () => {
  it.each([
    ["unreachable", "ECONNREFUSED", exitCodes.tryLater, "database_unreachable"],
    ["unreachable", "deadline", exitCodes.tryLater, "database_unreachable"],
    ["busy", "57014", exitCodes.tryLater, "database_busy"],
    ["conflict", "40001", exitCodes.tryLater, "database_conflict"],
    ["refused", "28P01", exitCodes.wrongUsage, "database_login_refused"],
    ["refused", "3D000", exitCodes.wrongUsage, "database_login_refused"],
    ["refused", "42P01", exitCodes.failed, "schema_outdated"],
    ["refused", "22003", exitCodes.failed, "database_refused"],
  ] as const)("of the database, %s (%s), ends with %i and the code %s", (fault, code, exitCode, words) => {
    const explained = explainFailure(new StoreError(fault, code, "accept_request"));
    expect(explained).toMatchObject({ exitCode, failures: [{ code: words }] });
    expect(explained.failures[0]?.sentence).toMatch(/\.$/);
    expect(explained.failures[0]?.remedy).toMatch(/\.$/);
  });

  it("of the settings ends with 2 and a line for each mistake", () => {
    expect(explainFailure(new ConfigError(["A is wrong.", "B is wrong."]))).toMatchObject({
      exitCode: exitCodes.wrongUsage,
      failures: [
        { code: "invalid_settings", sentence: "A is wrong." },
        { code: "invalid_settings", sentence: "B is wrong." },
      ],
    });
  });

  it("that nobody foresaw shows where it came from, and no values of a driver's error", () => {
    const error = Object.assign(new Error("duplicate key: hanako@example.com"), { severity: "ERROR", code: "23505" });
    const { exitCode, failures } = explainFailure(error);
    expect(exitCode).toBe(exitCodes.failed);
    expect(failures[0]?.code).toBe("unexpected_error");
    expect(failures[0]?.sentence).toContain("explain-failure.test.ts");
    expect(JSON.stringify(failures)).not.toContain("hanako");
  });

  it("is one line: code, sentence, remedy", () => {
    let written = "";
    const output = {
      write: (text: string) => {
        written += text;
      },
      terminal: null,
      hasColors: false,
    };
    writeFailure(output, { code: "a_code", sentence: "It is\nso.", remedy: "Do that." });
    expect(written).toBe("error a_code: It is so. Do that.\n");
    writeFailure({ ...output, hasColors: true }, { code: "a_code", sentence: "x.", remedy: "y." });
    expect(written).toContain("\u001b[31merror a_code:\u001b[39m");
  });
});
