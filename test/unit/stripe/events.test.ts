import { describe, expect, it } from "vitest";
import { causeOf, eventTypes, meaningOf, readEvent, type StripeEvent } from "../../../src/stripe/events.ts";
import {
  bodyOf,
  charge,
  dispute,
  eventMeanings,
  eventOf,
  invoice,
  paymentIntent,
  refund,
} from "../../support/stripe-events.ts";

function read(sent: string | object): StripeEvent {
  const answer = readEvent(sent);
  if (answer.type !== "event") throw new Error(`${answer.field} ${answer.problem}`);
  return answer.event;
}

const paid = eventOf("invoice.paid", invoice({ status: "paid" }));

describe("an event", () => {
  it("is read from the text that was sent and from an item of a list alike", () => {
    const event = read(bodyOf(paid));

    expect(event).toEqual({
      id: paid.id,
      type: "invoice.paid",
      livemode: false,
      apiVersion: "2026-10-28.endive",
      account: null,
      objectId: "in_1",
      createdAt: "2026-09-21T14:13:20Z",
      body: JSON.parse(bodyOf(paid)),
    });
    expect(read(paid)).toEqual(event);
  });

  it("of a connected account names it, and one about something without an id names none", () => {
    const { id: _, ...upcoming } = invoice();
    const event = read({ ...paid, account: "acct_1", data: { object: upcoming } });

    expect(event).toMatchObject({ account: "acct_1", objectId: null });
  });

  it("has a body that the database takes, whatever a customer has entered", () => {
    const name = "a\0b\ud800c 山田";
    const event = read({ ...paid, data: { object: { ...invoice(), customer_name: name } } });

    expect(JSON.stringify(event.body)).not.toMatch(/\\u0000|\\ud800/);
    expect(event.body).toMatchObject({ data: { object: { customer_name: "a\uFFFDb\uFFFDc 山田" } } });
    const named = read({ ...paid, data: { object: { ...invoice(), metadata: { "a\0b": "c" } } } });
    expect(named.body).toMatchObject({ data: { object: { metadata: { "a\uFFFDb": "c" } } } });
  });

  it.each<[string, string | object, string]>([
    ["no JSON", "{", "event"],
    ["a list", "[]", "event"],
    ["null", "null", "event"],
    ["a thin event", { ...paid, object: "v2.core.event" }, "object"],
    ["another object", { ...paid, object: "invoice" }, "object"],
    ["an id of something else", { ...paid, id: "in_1" }, "id"],
    ["no type", { ...paid, type: undefined }, "type"],
    ["no mode", { ...paid, livemode: "false" }, "livemode"],
    ["a time that is none", { ...paid, created: 1e15 }, "created"],
    ["no object", { ...paid, data: {} }, "data.object"],
  ])("is not what is %s; the field is told, and nothing that was sent", (_, sent, field) => {
    const answer = readEvent(typeof sent === "string" ? sent : bodyOf({ ...sent, note: "hanako" }));

    expect(answer).toMatchObject({ type: "no_event", field });
    expect(JSON.stringify(answer)).not.toMatch(/hanako|in_1/);
  });
});

describe("the meaning of an event", () => {
  it("is known of each of the 19 types that an endpoint is to be sent: as many as one list may ask for", () => {
    expect(Object.keys(eventMeanings).slice(0, 19)).toEqual(eventTypes);
    expect(eventTypes.length).toBeLessThanOrEqual(20);
  });

  it.each(Object.entries(eventMeanings))("%s", (type, [object, operation]) => {
    const meaning = meaningOf(read(eventOf(type, object)));

    expect(meaning).toEqual(
      operation === null ? { type: "ignored", reason: "type_not_used" } : { type: "operation", ...operation },
    );
  });

  it("of a failed attempt is the same whichever of its two events tells it, so that one operation comes of both", () => {
    const [failed, asked] = (["invoice.payment_failed", "invoice.payment_action_required"] as const).map((type) =>
      meaningOf(read(eventOf(type, invoice()))),
    );

    expect(asked).toEqual(failed);
  });

  it("of a refund that we made names its row", () => {
    const meaning = meaningOf(
      read(eventOf("refund.created", refund({ metadata: { keiyaku_refund: "refund-1", keiyaku_operation: "op-1" } }))),
    );

    expect(meaning).toMatchObject({ about: { paymentIntentId: "pi_1", refundId: "refund-1" } });
  });

  it("is found with references that are expanded", () => {
    const event = eventOf("refund.created", { ...refund(), payment_intent: paymentIntent } as never);

    expect(meaningOf(read(event))).toMatchObject({ params: { paymentIntentId: "pi_1" } });
  });

  it.each([
    ["an invoice that bills no subscription", "invoice.paid", invoice({ parent: null }), "no_subscription"],
    ["its failed payment", "invoice.payment_failed", invoice({ parent: null }), "no_subscription"],
    [
      "a refund of a charge without an intent",
      "refund.failed",
      { ...refund(), payment_intent: null },
      "no_payment_intent",
    ],
    ["such a charge", "charge.refunded", { ...charge, payment_intent: null }, "no_payment_intent"],
    ["a dispute of it", "charge.dispute.closed", { ...dispute, payment_intent: null }, "no_payment_intent"],
    ["a type that nobody knows", "invoice.sent", invoice(), "type_not_used"],
    ["a type that is a property of every object", "toString", invoice(), "type_not_used"],
  ])("is none, and why: %s", (_, type, object, reason) => {
    expect(meaningOf(read(eventOf(type, object as never)))).toEqual({ type: "ignored", reason });
  });

  it.each([
    ["invoice.payment_failed", { ...invoice(), attempt_count: undefined }, "data.object.attempt_count"],
    ["invoice.paid", { ...invoice(), parent: undefined }, "data.object.parent"],
    ["charge.dispute.created", { ...dispute, status: null }, "data.object.status"],
    ["refund.updated", { ...refund(), payment_intent: 1 }, "data.object.payment_intent"],
  ])("of %s is not guessed when something is missing or odd: the field is told", (type, object, field) => {
    expect(meaningOf(read(eventOf(type, object as never)))).toEqual({ type: "unreadable", field });
  });
});

describe("the cause of an event", () => {
  it.each([
    ["a call of somebody's", { requestId: "req_1", idempotencyKey: "key-1" }],
    ["the dashboard", { requestId: "req_1", idempotencyKey: null }],
    ["nobody", { requestId: null, idempotencyKey: null }],
  ])("is %s", (_, facts) => {
    expect(causeOf(read(eventOf("refund.created", refund(), facts)))).toEqual(facts);
  });

  it("is nobody where the event does not say, or not readably", () => {
    for (const request of [undefined, null, "req_1", { id: 1 }]) {
      expect(causeOf(read({ ...paid, request }))).toEqual({ requestId: null, idempotencyKey: null });
    }
  });
});
