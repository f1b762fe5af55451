import { describe, expect, test } from "vitest";
import type { Answer, Call, Look } from "../../../src/contract/step.ts";
import { supposeDone, supposeSeen } from "../../../src/contract/supposing.ts";
import { makeFacts, makeRunningWorld, noonOf, today } from "../../support/facts.ts";
import {
  invoiceSeen,
  missing,
  periodEndAt,
  refundsSeen,
  subscriptionEnded,
  subscriptionSeen,
  unpaidInvoices,
} from "./support/stripe-answers.ts";

const facts = makeFacts("terminate", { world: makeRunningWorld({ paymentMethod: "card" }) });
const atPeriodEnd = (cancelAtPeriodEnd: boolean): Call => ({
  verb: "set_cancel_at_period_end",
  subscriptionId: "sub_1",
  cancelAtPeriodEnd,
});
const cancel: Call = { verb: "cancel_subscription", subscriptionId: "sub_1" };
const clear: Call = { verb: "clear_cancel_at", subscriptionId: "sub_1" };
const voidOne: Call = { verb: "void_invoice", invoiceId: "in_1" };
const stopOne: Call = { verb: "stop_invoice", invoiceId: "in_1" };
const refund = (refundId: string, amountMinor: number, paymentIntentId = "pi_1"): Call => ({
  verb: "refund_payment",
  refundId,
  paymentIntentId,
  amountMinor,
});

const readSubscription: Look = { verb: "read_subscription", subscriptionId: "sub_1" };
const readInvoice: Look = { verb: "read_invoice", invoiceId: "in_1" };
const listUnpaid: Look = { verb: "list_unpaid_invoices", subscriptionId: "sub_1" };
const listRefunds: Look = { verb: "list_refunds", paymentIntentId: "pi_1" };

const reserved = subscriptionSeen({ cancelAtPeriodEnd: true, cancelAt: periodEndAt });
const endingLater = subscriptionSeen({ cancelAt: "2025-06-01T00:00:00Z" });
const canceled = subscriptionSeen({ stripeSubscriptionStatus: "canceled", endedAt: noonOf(today) });

describe("a look after supposed calls shows them in effect", () => {
  test.each<readonly [string, Look, Answer, readonly Call[], Answer]>([
    ["a subscription cancelled", readSubscription, subscriptionSeen(), [cancel], canceled],
    ["one that had ended already, with its own end", readSubscription, subscriptionEnded, [cancel], subscriptionEnded],
    ["a reservation set", readSubscription, subscriptionSeen(), [atPeriodEnd(true)], reserved],
    ["a reservation lifted", readSubscription, reserved, [atPeriodEnd(false)], subscriptionSeen()],
    [
      "a reservation set and undone",
      readSubscription,
      subscriptionSeen(),
      [atPeriodEnd(true), atPeriodEnd(false)],
      subscriptionSeen(),
    ],
    ["an end of its own, which that does not lift", readSubscription, endingLater, [atPeriodEnd(false)], endingLater],
    ["an end of its own, cleared", readSubscription, endingLater, [clear], subscriptionSeen()],
    ["a subscription that is not there", readSubscription, missing, [cancel], missing],
    ["an invoice voided", readInvoice, invoiceSeen("in_1", "open"), [voidOne], invoiceSeen("in_1", "void")],
    [
      "an invoice that was paid meanwhile, still paid",
      readInvoice,
      invoiceSeen("in_1", "paid"),
      [voidOne],
      invoiceSeen("in_1", "paid"),
    ],
    [
      "a draft stopped, still a draft",
      readInvoice,
      invoiceSeen("in_1", "draft"),
      [stopOne],
      invoiceSeen("in_1", "draft"),
    ],
    [
      "the unpaid invoices without those that were voided",
      listUnpaid,
      unpaidInvoices({ id: "in_1", stripeInvoiceStatus: "open" }, { id: "in_2", stripeInvoiceStatus: "draft" }),
      [voidOne, { verb: "stop_invoice", invoiceId: "in_2" }],
      unpaidInvoices({ id: "in_2", stripeInvoiceStatus: "draft" }),
    ],
    [
      "refunds of the charge, and less left of it",
      listRefunds,
      refundsSeen(10_000, 9_000),
      [refund("r-1", 4_000), refund("r-2", 1_000), refund("r-3", 500, "pi_2")],
      {
        ...refundsSeen(10_000, 4_000),
        refunds: [
          { id: "r-1", amountMinor: 4_000, stripeRefundStatus: "succeeded", refundId: "r-1" },
          { id: "r-2", amountMinor: 1_000, stripeRefundStatus: "succeeded", refundId: "r-2" },
        ],
      } as Answer,
    ],
    ["a charge that is not there", listRefunds, missing, [refund("r-1", 1)], missing],
  ])("%s", (_, look, seen, calls, expected) => {
    expect(supposeSeen(look, seen, calls, facts)).toEqual(expected);
  });

  test("and of other objects what they are", () => {
    const other = [
      { verb: "cancel_subscription", subscriptionId: "sub_2" },
      { verb: "void_invoice", invoiceId: "in_2" },
      refund("r-1", 1, "pi_2"),
    ] as const;
    for (const [look, seen] of [
      [readSubscription, subscriptionSeen()],
      [readInvoice, invoiceSeen("in_1", "open")],
      [listUnpaid, unpaidInvoices({ id: "in_1", stripeInvoiceStatus: "open" })],
      [listRefunds, refundsSeen(100)],
      [{ verb: "list_paid_invoices", subscriptionId: "sub_1" }, { invoices: [] }],
      [{ verb: "read_payment_intent", paymentIntentId: "pi_1" }, missing],
    ] as const) {
      expect(supposeSeen(look, seen, other, facts)).toEqual(seen);
    }
  });
});

describe("a call that is supposed to succeed answers", () => {
  const answers = new Map<string, Answer>([
    ["subscription", subscriptionSeen()],
    ["invoice", invoiceSeen("in_1", "open")],
  ]);

  test.each<readonly [Call, Answer]>([
    [cancel, { type: "done", value: canceled }],
    [atPeriodEnd(true), { type: "done", value: reserved }],
    [clear, { type: "done", value: subscriptionSeen() }],
    [voidOne, { type: "done", value: invoiceSeen("in_1", "void", { autoAdvance: false }) }],
    [stopOne, { type: "done", value: invoiceSeen("in_1", "draft", { autoAdvance: false }) }],
    [
      refund("r-1", 500),
      { type: "done", value: { id: "r-1", amountMinor: 500, stripeRefundStatus: "succeeded", refundId: "r-1" } },
    ],
  ])("$verb with what was looked at, as it is then", (call, expected) => {
    expect(supposeDone(call, facts, answers, [])).toEqual(expected);
  });

  test("after those before it: an end that was set and lifted is none", () => {
    const lifted = supposeDone(atPeriodEnd(false), facts, answers, [atPeriodEnd(true)]);
    expect(lifted).toEqual({ type: "done", value: subscriptionSeen() });
  });

  test.each([cancel, atPeriodEnd(true), clear, voidOne, stopOne])("$verb also where nobody had looked", (call) => {
    expect(supposeDone(call, facts, new Map(), [])).toMatchObject({ type: "done", value: { type: "found" } });
  });
});
