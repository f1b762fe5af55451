import { describe, expect, it } from "vitest";
import { operationRequestSchema } from "../../../src/contract/operation.ts";
import { requestableKinds, ruleOf } from "../../../src/contract/operations/index.ts";
import { readCatalogPayload } from "../../../src/queue/read-catalog-payload.ts";
import { readRequestPayload } from "../../../src/queue/read-payload.ts";
import { frozenHashes, frozenPayloads, frozenPuts, frozenRequests } from "../../support/frozen-payloads.ts";

describe("the payloads of version 1", () => {
  it("are what they were when they were frozen: they never change, and none goes", () => {
    expect(Object.fromEntries(frozenPayloads.map(({ name, sha256 }) => [name, sha256]))).toEqual(frozenHashes());
  });

  it("are of every kind that a door takes", () => {
    const kinds = frozenRequests.map(({ data }) => (data.request as { kind: string }).kind);
    expect([...new Set(kinds)].toSorted()).toEqual(requestableKinds.toSorted());
  });

  it.each(frozenRequests)("are still read and understood: $name", ({ data }) => {
    const read = readRequestPayload(data);
    expect(read).toEqual({ type: "request", request: data.request });
    const envelope = operationRequestSchema.parse(data.request);
    expect(envelope).toEqual(data.request);
    expect(() => ruleOf(envelope.kind).params.parse(envelope.params ?? {})).not.toThrow();
  });

  it.each(frozenPuts)("are still read and put: $name", ({ name, data }) => {
    const type = name.startsWith("catalog-product") ? "product" : "customer";
    expect(readCatalogPayload(type, data)).toEqual({ type: "put", put: { type, [type]: data[type] } });
  });
});
