import { z } from "zod";
import { catchUp } from "../catching-up.ts";
import type { ContractWorld } from "../contract.ts";
import { buryLate, recordAfterEnd } from "../late-money.ts";
import { asPaid, isLate, type Receipt, receiptOf, receiptOfIntent, recordReceipt } from "../receipts.ts";
import {
  type ContractRule,
  isFinal,
  missingAtStripe,
  type RuleFacts,
  stripe,
  superseded,
  type TombstoneFacts,
} from "../rule.ts";
import { settleReceipt } from "../settling-receipts.ts";
import type { Answers, InvoiceSeen, PaymentIntentSeen, Step } from "../step.ts";
import { endOf, seeSubscription, subscriptionsOf, withEnd } from "../subscription.ts";

const stripeId = z.string().min(1).max(255);
const params = z
  .strictObject({ invoiceId: stripeId.optional(), paymentIntentId: stripeId.optional() })
  .refine(({ invoiceId, paymentIntentId }) => (invoiceId === undefined) !== (paymentIntentId === undefined), {
    message: "must name either an invoiceId or a paymentIntentId",
  });
type Params = z.output<typeof params>;

/**
 * Stripe has taken money: an invoice of a monthly contract (`invoice.paid`), or the payment intent of a one-time one
 * (`payment_intent.succeeded`). What it pays is recorded line by line, once however often it is told, with its license if
 * the contract has started. A contract that waited for its payment starts as its dates say; a suspended one runs again when
 * its current period is paid. Money that came after the end is late money, also where the end is known at Stripe only.
 *
 * The invoice or intent is read, not trusted from the event. What Stripe reported of its refunds before is caught up with.
 */
export const recordPayment: ContractRule<typeof params> = {
  kind: "record_payment",
  subject: "contract",
  button: { ja: "支払いの記録", en: "Record a payment" },
  summary: {
    ja: "Stripeが報告した支払いを記録します。停止中の契約は、当月分が支払われれば再開します。",
    en: "Stripe reports a payment: it is recorded with its license, and a suspended contract runs again when its current period is paid.",
  },
  actors: stripe,
  params,
  next(facts, answers) {
    const { contract } = facts.world;
    const { invoiceId, paymentIntentId } = facts.params;
    if (contract.paymentMethod !== "card") return superseded();
    if (contract.kind === "monthly" && invoiceId !== undefined) return byInvoice(facts, invoiceId, answers);
    const isOwnIntent = paymentIntentId !== undefined && paymentIntentId === contract.stripePaymentIntentId;
    return isOwnIntent ? byIntent(facts, paymentIntentId, answers) : superseded();
  },
  nextAfterDeletion(facts, answers) {
    const { invoiceId, paymentIntentId } = facts.params;
    if (invoiceId !== undefined) return byInvoiceAfterDeletion(facts, invoiceId, answers);
    return paymentIntentId === undefined ? superseded() : byIntentAfterDeletion(facts, paymentIntentId, answers);
  },
};

function byInvoice(facts: RuleFacts<Params>, invoiceId: string, answers: Answers): Step {
  const { world, zone } = facts;
  const { contract } = world;
  const seen = answers.get("invoice") as InvoiceSeen | undefined;
  if (seen === undefined) return lookAtInvoice(invoiceId);
  if (seen.type === "missing") return missingAtStripe(invoiceId);
  const invoice = asPaid(seen);
  if (invoice === undefined) return superseded();
  const { subscriptionId, amountPaidMinor } = invoice;
  if (subscriptionId === null || !subscriptionsOf(contract).includes(subscriptionId)) return superseded();

  const receipt = receiptOf(world, invoice, zone);
  if (receipt.items.length === 0 && amountPaidMinor <= 0) return superseded();
  return record(facts, receipt, subscriptionId === contract.stripeSubscriptionId, answers);
}

function byIntent(facts: RuleFacts<Params>, paymentIntentId: string, answers: Answers): Step {
  const seen = answers.get("payment_intent") as PaymentIntentSeen | undefined;
  if (seen === undefined) return lookAtIntent(paymentIntentId);
  if (seen.type === "missing") return missingAtStripe(paymentIntentId);
  if (seen.paidAt === null || seen.amountReceivedMinor <= 0) return superseded();
  return record(facts, receiptOfIntent(facts.world, { ...seen, paidAt: seen.paidAt }), true, answers);
}

function record(facts: RuleFacts<Params>, receipt: Receipt, isCurrent: boolean, answers: Answers): Step {
  if (!recordReceipt(facts.world, receipt).isNews) return superseded();
  const seen = seeEnd(facts.world, answers);
  if (seen.type === "step") return seen.step;
  const ended = { ...facts, world: seen.world };
  const recording = recordReceipt(seen.world, receipt);
  // Money that was known only learns what it is at Stripe, and money for what is no part of the contract moves nothing of it.
  const isKnown = recording.rows.length === 0 && recording.beyondMinor === 0;
  const { contract } = seen.world;
  const isAfterEnd = isFinal(contract) || isLate(receipt.paidAt, contract.endedAt);
  if (isAfterEnd && !isKnown) return recordAfterEnd(ended, receipt, recording, answers);
  if (recording.rows.length === 0) {
    const { paymentMoves, attention } = recording;
    return catchUp(ended, receipt, recording, { paymentMoves, attention }, answers);
  }
  const settled = settleReceipt(ended, recording, isCurrent, answers);
  return settled.type === "settle" ? catchUp(ended, receipt, recording, settled.change, answers) : settled;
}

/**
 * The contract with its end, which may be at Stripe before the report of it is here. The subscription is read after the
 * invoice: where it still runs by then, the money was in time.
 */
function seeEnd(
  world: ContractWorld,
  answers: Answers,
): { readonly type: "step"; readonly step: Step } | { readonly type: "seen"; readonly world: ContractWorld } {
  const { stripeSubscriptionId } = world.contract;
  if (isFinal(world.contract) || stripeSubscriptionId === null) return { type: "seen", world };
  const looked = seeSubscription(stripeSubscriptionId, answers);
  return looked.type === "step" ? looked : { type: "seen", world: withEnd(world, endOf(looked.seen)) };
}

function byInvoiceAfterDeletion(facts: TombstoneFacts<Params>, invoiceId: string, answers: Answers): Step {
  const { stripeIds } = facts.tombstone;
  const seen = answers.get("invoice") as InvoiceSeen | undefined;
  if (seen === undefined) return lookAtInvoice(invoiceId);
  if (seen.type === "missing") return missingAtStripe(invoiceId);
  const invoice = asPaid(seen);
  const isOurs = invoice?.subscriptionId != null && stripeIds.includes(invoice.subscriptionId);
  if (invoice === undefined || !isOurs) return superseded();
  const { paymentIntentId, paidAt, amountPaidMinor: amountMinor } = invoice;
  return buryLate(facts, { invoiceId, paymentIntentId, amountMinor, paidAt }, answers);
}

function byIntentAfterDeletion(facts: TombstoneFacts<Params>, paymentIntentId: string, answers: Answers): Step {
  if (!facts.tombstone.stripeIds.includes(paymentIntentId)) return superseded();
  const seen = answers.get("payment_intent") as PaymentIntentSeen | undefined;
  if (seen === undefined) return lookAtIntent(paymentIntentId);
  if (seen.type === "missing") return missingAtStripe(paymentIntentId);
  if (seen.paidAt === null) return superseded();
  const { paidAt, amountReceivedMinor: amountMinor } = seen;
  return buryLate(facts, { invoiceId: null, paymentIntentId, amountMinor, paidAt }, answers);
}

function lookAtInvoice(invoiceId: string): Step {
  return { type: "look", name: "invoice", look: { verb: "read_invoice", invoiceId } };
}

function lookAtIntent(paymentIntentId: string): Step {
  return { type: "look", name: "payment_intent", look: { verb: "read_payment_intent", paymentIntentId } };
}
