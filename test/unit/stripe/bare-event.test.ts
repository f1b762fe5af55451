import { expect, test } from "vitest";
import { bareEvent } from "../../../src/stripe/bare-event.ts";
import { carriesKey, causeOf, meaningOf, readEvent } from "../../../src/stripe/events.ts";
import { mentionsIn } from "../../../src/stripe/mentions.ts";
import {
  charge,
  dispute,
  eventMeanings,
  eventOf,
  invoice,
  paymentIntent,
  refund,
} from "../../support/stripe-events.ts";

function bodyOf(type: string, object: object, facts: Parameters<typeof eventOf>[2] = {}) {
  const read = readEvent(eventOf(type, object as never, facts));
  if (read.type !== "event") throw new Error(`${read.field} ${read.problem}`);
  return read.event.body;
}

const caused = { requestId: "req_1", idempotencyKey: "keiyaku:op-1:refund:1" };

test.each(Object.entries(eventMeanings))("a bare %s means what the whole one means", (type, [object]) => {
  const body = bodyOf(type, object, caused);
  const bare = bareEvent(body);

  expect(meaningOf({ type, body: bare })).toEqual(meaningOf({ type, body }));
  expect(causeOf({ body: bare })).toEqual(causeOf({ body }));
  for (const key of ["contract", "keiyaku_refund"]) {
    expect(carriesKey({ body: bare }, key)).toBe(carriesKey({ body }, key));
  }
});

test.each([
  ["invoice.paid", invoice({ parent: null })],
  ["refund.updated", refund({ metadata: { keiyaku_refund: "r-1", note: "for 山田 花子" } })],
  ["refund.updated", { ...refund(), payment_intent: paymentIntent }],
  ["charge.refunded", { ...charge, payment_intent: null }],
  ["invoice.paid", invoice({ parent: { subscription: "sub_1", metadata: { contract: "c-1" } } })],
  ["charge.dispute.closed", { ...dispute, status: null }],
  ["refund.updated", { ...refund(), payment_intent: 1 }],
  ["invoice.payment_failed", { ...invoice(), attempt_count: "山田 花子" }],
  ["invoice.paid", { ...invoice(), parent: "hanako@example.com" }],
])("a bare %s that is odd in some way means what the whole one means, too", (type, object) => {
  const body = bodyOf(type, object);
  const bare = bareEvent(body);

  expect(meaningOf({ type, body: bare })).toEqual(meaningOf({ type, body }));
  expect(carriesKey({ body: bare }, "contract")).toBe(carriesKey({ body }, "contract"));
  expect(JSON.stringify(bare)).not.toMatch(/山田|hanako|cus_1/);
});

test("nothing of a person is in it, whatever the object says of them", () => {
  const person = {
    customer: "cus_1",
    customer_name: "山田 花子",
    customer_email: "hanako@example.com",
    description: "for 山田 花子",
    billing_details: { name: "山田 花子", email: "hanako@example.com", phone: "090" },
    metadata: { name: "山田 花子" },
    status: "hanako@example.com",
    attempt_count: 1,
  };
  for (const [type, [object]] of Object.entries(eventMeanings)) {
    const bare = bareEvent(bodyOf(type, { ...object, ...person }));

    expect(JSON.stringify(bare)).not.toMatch(/山田|hanako|cus_1|090/);
    expect(mentionsIn(bare).every((mention) => /^(?:sub|in|pi)_/.test(mention))).toBe(true);
  }
});
