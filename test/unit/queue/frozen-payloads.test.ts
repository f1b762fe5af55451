import { describe, expect, it } from "vitest";
import { operationRequestSchema } from "../../../src/contract/operation.ts";
import { requestableKinds, ruleOf } from "../../../src/contract/operations/index.ts";
import { readCatalogPayload } from "../../../src/queue/read-catalog-payload.ts";
import { readDelivery } from "../../../src/queue/read-delivery.ts";
import { readRequestPayload } from "../../../src/queue/read-payload.ts";
import { Secret } from "../../../src/secret.ts";
import { verifyEvent } from "../../../src/stripe/verify-event.ts";
import {
  frozenDeliveries,
  frozenHashes,
  frozenPayloads,
  frozenPuts,
  frozenRequests,
} from "../../support/frozen-payloads.ts";

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

  it.each(frozenDeliveries)("are still read and verified: $name", ({ data }) => {
    const read = readDelivery("delivery", data);
    if (read.type !== "delivery") throw new Error(`${read.field} ${read.problem}`);
    const expected = { secrets: [new Secret("whsec_of_the_frozen_payloads")], livemode: false, account: null };
    expect(verifyEvent(read.delivery, expected, 1_790_000_002_000)).toMatchObject({
      type: "event",
      event: { type: "customer.subscription.updated", objectId: "sub_1Q2w3E4r5T6y7U8i" },
    });
  });

  it("are of every kind of job", () => {
    expect(frozenPayloads).toHaveLength(frozenRequests.length + frozenPuts.length + frozenDeliveries.length);
    expect(frozenDeliveries.length).toBeGreaterThan(0);
  });
});
