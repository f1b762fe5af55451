import { describe, expect, it } from "vitest";
import { readRequestPayload, unreadable } from "../../../src/queue/read-payload.ts";

const request = { id: "op-1", kind: "suspend", contractId: "c-1", actor: { type: "operator", id: "alice" } };

function refusalOf(data: unknown) {
  const read = readRequestPayload(data);
  if (read.type !== "unreadable") throw new Error("The payload was read.");
  return read.unreadable;
}

const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

describe("readRequestPayload", () => {
  it("gives the request as it came, whatever the ledger will say to it", () => {
    const odd = { id: 7, kind: null, extra: [{ deep: true }] };
    expect(readRequestPayload({ v: 1, request })).toEqual({ type: "request", request });
    expect(readRequestPayload({ v: 1, request: odd, unknown: 1 })).toEqual({ type: "request", request: odd });
  });

  it("keeps a key named __proto__ a key, for the ledger to refuse", () => {
    const read = readRequestPayload(JSON.parse('{"v": 1, "request": {"id": "op-1", "__proto__": {"isAdmin": true}}}'));
    expect(JSON.stringify(read)).toContain('"__proto__":{"isAdmin":true}');
  });

  it.each([
    ["undefined", undefined, "payload"],
    ["null", null, "payload"],
    ["text", '{"v": 1}', "payload"],
    ["a list", [{ v: 1, request }], "payload"],
    ["another version", { v: 2, request }, "v"],
    ["no version", { request }, "v"],
    ["no request", { v: 1 }, "request"],
    ["a request that is null", { v: 1, request: null }, "request"],
    ["a request that is a list", { v: 1, request: [] }, "request"],
    ["NUL at the end of a text", { v: 1, request: { ...request, reason: "a\0" } }, "reason"],
    ["NUL in the id", { v: 1, request: { ...request, id: "\0" } }, "id"],
    ["the first half of a pair", { v: 1, request: { ...request, params: { a: ["b", "\uD83D"] } } }, "params.a.1"],
    ["the second half of a pair", { v: 1, request: { ...request, reason: "\uDE00x" } }, "reason"],
    ["a pair the wrong way round", { v: 1, request: { ...request, reason: "\uDE00\uD83D" } }, "reason"],
    ["NUL in a key of the request", { v: 1, request: { ...request, "a\0": 1 } }, "request"],
    ["NUL in a key of the parameters", { v: 1, request: { ...request, params: { "a\0": 1 } } }, "params"],
    ["a hundred levels", { v: 1, request: { ...request, params: { a: nested(98) } } }, "payload"],
    ["levels without end", nested(30_000), "payload"],
  ])("names the field that is at fault: %s", (_, data, field) => {
    expect(refusalOf(data).field).toBe(field);
  });

  it("takes whole pairs, and every other character there is", () => {
    const text = "山田 花子 😀 𠮷 \u0001 \u2028 \uFFFF";
    expect(readRequestPayload({ v: 1, request: { ...request, reason: text } })).toMatchObject({ type: "request" });
  });

  it("takes 64 KiB and not a byte more, counted as UTF-8", () => {
    const weigh = (reason: string) => Buffer.byteLength(JSON.stringify({ v: 1, request: { ...request, reason } }));
    const room = 65_536 - weigh("");
    const full = "あ".repeat(Math.floor(room / 3)) + "x".repeat(room % 3);
    expect(readRequestPayload({ v: 1, request: { ...request, reason: full } }).type).toBe("request");
    expect(refusalOf({ v: 1, request: { ...request, reason: `${full}x` } })).toMatchObject({
      field: "request",
      sizeBytes: 65_537,
    });
  });
});

describe("unreadable", () => {
  it("tells the sender's own id when there is one, and nothing that is none", () => {
    expect(unreadable({ request: { id: "op-1" } }, "v", "is missing").requestId).toBe("op-1");
    for (const id of ["op 1", "", "x".repeat(65), 7, null, "op-1\n"]) {
      expect(unreadable({ request: { id } }, "v", "is missing").requestId).toBeNull();
    }
  });

  it("keeps a beginning that PostgreSQL can store", () => {
    const { content, sizeBytes } = unreadable(`\uD800\0${"x".repeat(5_000)}`, "payload", "is text");
    expect(content).toHaveLength(2_000);
    expect(content).not.toMatch(/[\0\p{Surrogate}]/u);
    expect(sizeBytes).toBe(5_014); // both quotes, and twelve characters for two that are escaped
  });

  it("gives the same fingerprint for the same payload and another for another", () => {
    const hashOf = (data: unknown) => unreadable(data, "payload", "is wrong").contentHash;
    expect(hashOf({ a: 1 })).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf({ a: 1 })).toBe(hashOf({ a: 1 }));
    expect(hashOf({ a: 1 })).not.toBe(hashOf({ a: 2 }));
    expect(hashOf(undefined)).not.toBe(hashOf(null));
  });

  it("shows of a payload that is too deep what is not", () => {
    const deep = { request: { id: "op-1", params: nested(30_000) } };
    const { requestId, content } = unreadable(deep, "payload", "is too deep");
    expect(requestId).toBe("op-1");
    expect(content).toMatch(/^\{"request":\{"id":"op-1","params":\[+"…"\]+\}\}$/);
  });
});
