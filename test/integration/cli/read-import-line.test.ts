import { describe, expect, it } from "vitest";
import { lineBytesMax, readImportLine } from "../../../src/cli/read-import-line.ts";
import { monthlyTerms } from "../../support/execution.ts";

function read(line: object | string) {
  return readImportLine(Buffer.from(typeof line === "string" ? line : JSON.stringify(line)));
}

const contract = { type: "contract", contractId: "c-1", ...monthlyTerms() };

describe("a line of an import file", () => {
  it("is a product or a customer with its defaults filled in", () => {
    expect(read({ type: "product", id: "p", kind: "monthly", priceMinor: 1 })).toEqual({
      type: "product",
      product: { id: "p", kind: "monthly", priceMinor: 1, access: "per_period", automaticTerminationMonth: null },
    });
    expect(read({ type: "customer", id: "u", email: "u@example.com", name: "花子" })).toEqual({
      type: "customer",
      customer: { id: "u", email: "u@example.com", name: "花子", locale: "ja" },
    });
  });

  it("is a contract with its parameters just as they were written, lest a default of tomorrow make another request", () => {
    expect(read(contract)).toEqual({ type: "contract", contractId: "c-1", params: monthlyTerms() });
  });

  it("may be blank, begin with a byte order mark, or end in blanks", () => {
    expect(read("  \t")).toEqual({ type: "blank" });
    expect(read(`\uFEFF${JSON.stringify(contract)}  `)).toMatchObject({ type: "contract" });
  });

  it.each([
    ["is too long", null, { code: "line_too_long", field: null }],
    ["is not UTF-8, as from Shift_JIS", Buffer.from([0x7b, 0x8e, 0x52, 0x7d]), { code: "not_utf8", field: null }],
    ["is no JSON", "{oops", { code: "not_json" }],
    ["is JSON but no object", "[1]", { code: "not_json" }],
    ["has no type", { id: "p" }, { code: "unknown_type", field: "type" }],
    ["has a type that is none", { type: "contracts" }, { code: "unknown_type", field: "type" }],
    ["has a wrong field", { ...contract, priceMinor: "1980" }, { code: "invalid_field", field: "priceMinor" }],
    ["has a wrong field within", { ...contract, payments: [{ subject: "x" }] }, { field: "payments.0.subject" }],
    ["has a field that is not known", { ...contract, prise: 1 }, { code: "invalid_field", field: "prise" }],
    ["has no contract id", { ...contract, contractId: undefined }, { code: "invalid_field", field: "contractId" }],
    ["has an id of another form", { ...contract, contractId: "c 1" }, { code: "invalid_field", field: "contractId" }],
    [
      "has text that no database stores",
      { type: "customer", name: "a\u0000" },
      { code: "invalid_field", field: "name" },
    ],
    [
      "weighs more than a request may",
      { ...contract, channel: "x".repeat(70_000) },
      { code: "invalid_field", field: null, problem: "must be at most 64 KiB" },
    ],
  ])("is bad when it %s, and says which field and what to do", (_, line, expected) => {
    const read = readImportLine(
      line === null || Buffer.isBuffer(line)
        ? line
        : Buffer.from(typeof line === "string" ? line : JSON.stringify(line)),
    );
    expect(read).toMatchObject({ type: "bad", bad: expected });
    expect(read.type === "bad" && read.bad.remedy).toMatch(/\.$/);
  });

  it("never quotes a value, which may be somebody's name", () => {
    const line = read({ type: "customer", id: "u", email: "hanako at example.com", name: "山田 花子" });
    expect(JSON.stringify(line)).not.toMatch(/hanako|花子/);
  });

  it("may be longer than a request, for blanks and escapes", () => {
    expect(lineBytesMax).toBeGreaterThan(65_536);
  });
});
