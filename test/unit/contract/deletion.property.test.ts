import fc from "fast-check";
import { expect, test } from "vitest";
import type { Payment } from "../../../src/contract/contract.ts";
import type { Answer } from "../../../src/contract/step.ts";
import { makeFacts, makePayment, makeWorld } from "../../support/facts.ts";
import { type CallStep, type LookStep, playWith, settled } from "./support/play.ts";
import {
  addedLine,
  done,
  type FoundInvoice,
  paidInvoiceSeen,
  periodLine,
  refundSeen,
  refundsSeen,
  subscriptionEnded,
  unpaidInvoices,
} from "./support/stripe-answers.ts";

/*
 * Deletions of contracts by card whose history tells only some of what Stripe collected. Stripe keeps its own books: four
 * monthly invoices, with an initial fee, tax and added lines or not, of which somebody may have given back a part already.
 */

/** What our history has of something that Stripe was paid for: nothing, a row that names it or not, or one of each. */
const telling = fc.constantFrom("nothing", "named", "nameless", "both");

const invoices = fc.tuple(
  ...[0, 1, 2, 3].map((period) =>
    fc.record({
      period: fc.constant(period),
      told: telling,
      feeTold: fc.constantFrom("no fee", "nothing", "named", "nameless"),
      taxPercent: fc.constantFrom(0, 10),
      addedMinor: fc.constantFrom(0, 0, 700),
      givenBackPercent: fc.constantFrom(0, 0, 30, 100),
    }),
  ),
);
type Invoice = typeof invoices extends fc.Arbitrary<(infer T)[]> ? T : never;

/** The invoice as Stripe has it. Only a subscription's first one has the initial fee. */
function atStripe({ period, feeTold, taxPercent, addedMinor }: Invoice): FoundInvoice & { readonly paidAt: string } {
  const isFirst = period === 0;
  const lines = [
    ...(isFirst && feeTold !== "no fee" ? [addedLine(5_000, { id: "il_fee" })] : []),
    periodLine(`${["2024-10", "2024-11", "2024-12", "2025-01"][period]}-08`),
    ...(addedMinor > 0 ? [addedLine(addedMinor)] : []),
  ];
  const netMinor = lines.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const amountMinor = netMinor + (netMinor * taxPercent) / 100;
  return paidInvoiceSeen(`in_${period}`, lines, {
    amountDueMinor: amountMinor,
    amountPaidMinor: amountMinor,
    billingReason: isFirst ? "subscription_create" : "subscription_cycle",
  });
}

function rowsOf({ period, told, feeTold }: Invoice): readonly Payment[] {
  const ids = { stripeInvoiceId: `in_${period}`, stripePaymentIntentId: `pi_${period}` };
  const fee = makePayment({ subject: "initial_fee" });
  const row = makePayment({ period });
  return [
    ...(period === 0 && feeTold === "named" ? [{ ...fee, ...ids }] : []),
    ...(period === 0 && feeTold === "nameless" ? [fee] : []),
    ...(told === "nameless" || told === "both" ? [row] : []),
    ...(told === "named" || told === "both" ? [{ ...row, id: `in_${period}:il`, ...ids }] : []),
  ];
}

/** Deletes a contract with these invoices; tells what each charge has left by then, and what it changes here. */
function deleteWith(told: readonly Invoice[]) {
  const world = makeWorld({
    contract: { paymentMethod: "card", initialFeeMinor: told[0]?.feeTold === "no fee" ? 0 : 5_000 },
    payments: told.flatMap(rowsOf),
  });
  const seen = new Map(told.map((invoice) => [`in_${invoice.period}`, atStripe(invoice)]));
  const left = new Map(
    told.map((invoice) => {
      const { amountPaidMinor } = atStripe(invoice);
      return [`pi_${invoice.period}`, amountPaidMinor - Math.floor((amountPaidMinor * invoice.givenBackPercent) / 100)];
    }),
  );
  const chargeOf = (intent: string) => seen.get(`in_${intent.slice(3)}`)?.amountPaidMinor ?? 0;

  function look({ look: wanted }: LookStep): Answer {
    switch (wanted.verb) {
      case "list_unpaid_invoices":
        return unpaidInvoices();
      case "list_paid_invoices":
        return { invoices: [...seen.values()] };
      case "read_invoice":
        return seen.get(wanted.invoiceId) ?? { type: "missing" };
      case "list_refunds":
        return refundsSeen(chargeOf(wanted.paymentIntentId), left.get(wanted.paymentIntentId));
      case "read_subscription":
      case "read_payment_intent":
        throw new Error(`a deletion of this contract does not ask to ${wanted.verb}`);
    }
  }

  function call({ call: wanted }: CallStep): Answer {
    if (wanted.verb !== "refund_payment") return done(subscriptionEnded);
    const { paymentIntentId, refundId, amountMinor } = wanted;
    const leftMinor = left.get(paymentIntentId) ?? 0;
    if (amountMinor < 1 || amountMinor > leftMinor) throw new Error(`asked to refund ${amountMinor} of ${leftMinor}`);
    left.set(paymentIntentId, leftMinor - amountMinor);
    return done(refundSeen(refundId, amountMinor));
  }

  const facts = makeFacts("delete", { world, params: { confirm: "c-1" } });
  const change = settled(playWith(facts, (step) => (step.type === "look" ? look(step) : call(step))));
  return { change, left: [...left.values()] };
}

test("a deletion gives back all that Stripe has left, and owes nothing of it by hand, whatever our history tells", () => {
  fc.assert(
    fc.property(invoices, (told) => {
      const { change, left } = deleteWith(told);
      expect(left).toEqual([0, 0, 0, 0]);
      expect(change.newRefunds).toEqual([]);
      expect(change.deletion?.customerId).toBeNull();
    }),
    { numRuns: 100 },
  );
}, 60_000);
