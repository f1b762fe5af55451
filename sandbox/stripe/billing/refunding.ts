import type Stripe from "stripe";
import type { Change } from "../core/change.ts";
import { invalidRequest } from "../core/errors.ts";
import type { Metadata, RefundStatus, StoredCharge, StoredRefund } from "../core/stored.ts";
import { countsAsRefunded, failureOf, refundObject } from "../objects/refund.ts";
import { cardBehind } from "./cards.ts";
import { recordRefund } from "./effects.ts";

export interface NewRefund {
  /** Undefined for all that is left. */
  readonly amount: number | undefined;
  readonly reason: Stripe.Refund.Reason | null;
  readonly metadata: Metadata;
}

type Beginning = { readonly status: RefundStatus; readonly pendingReason?: "insufficient_funds" | "processing" };

/** Refunds a charge, or throws the refusal that Stripe gives; the order of the refusals is Stripe's, as far as known. */
export function refundCharge(change: Change, charge: StoredCharge, refund: NewRefund): StoredRefund {
  const amount = refundableAmount(change, charge, refund.amount);
  const beginning = beginningOf(change, charge, amount);
  const created = change.put(refundObject({ ...refund, ...beginning, created: change.now, charge, amount }));
  if (created.status === "succeeded") balanceChanged(change, -amount);
  const refunded = countsAsRefunded(created.status)
    ? change.put(withRefunded(charge, charge.amount_refunded + amount))
    : undefined;
  recordRefund(change, "refund.created", created);
  if (refunded !== undefined) change.emit("charge.refunded", refunded);
  if (created.status === "failed") recordRefund(change, "refund.failed", created);
  return created;
}

/** A refund that Stripe had accepted fails later: its amount is in the balance again and can be refunded again. */
export function failRefund(change: Change, refund: StoredRefund, reason: string): StoredRefund {
  const failed = change.put(withStatus(refund, { status: "failed", ...failureOf(reason) }));
  giveBack(change, refund);
  recordRefund(change, "refund.failed", failed);
  if (refund.status === "succeeded") balanceChanged(change, refund.amount);
  return failed;
}

/** A refund that waits for the customer is called off. */
export function cancelRefund(change: Change, refund: StoredRefund): StoredRefund {
  const canceled = change.put(withStatus(refund, { status: "canceled" }));
  giveBack(change, refund);
  recordRefund(change, "refund.canceled", canceled);
  return canceled;
}

/** A pending refund is carried out. */
export function succeedRefund(change: Change, refund: StoredRefund): StoredRefund {
  const succeeded = change.put(withStatus(refund, { status: "succeeded" }));
  recordRefund(change, "refund.succeeded", succeeded);
  balanceChanged(change, -refund.amount);
  return succeeded;
}

/** The bank tells its reference: no change of the status, but an event. */
export function referenceRefund(change: Change, refund: StoredRefund, reference: string): void {
  const details = refund.destination_details;
  const card = { ...details?.card, reference, reference_status: "available", type: "refund" as const };
  const referenced = change.put({ ...refund, destination_details: { ...details, card, type: "card" } });
  recordRefund(change, "refund.updated", referenced);
}

/** Money came into the balance or went out of it. What comes in carries out the refunds that wait for it. */
export function balanceChanged(change: Change, amount: number): void {
  if (change.world.availableBalance === null) return;
  change.alter({ availableBalance: change.world.availableBalance + amount });
  if (amount > 0) carryOutWaiting(change);
}

/** Sets the balance; null for more than enough. */
export function setBalance(change: Change, available: number | null): void {
  change.alter({ availableBalance: available });
  carryOutWaiting(change);
}

/** A charge of which this much is refunded; `refunded` means wholly. */
export function withRefunded(charge: StoredCharge, amountRefunded: number): StoredCharge {
  return { ...charge, amount_refunded: amountRefunded, refunded: amountRefunded === charge.amount };
}

/** What was ordered for this refund, or what balance and card make of it. */
function beginningOf(change: Change, charge: StoredCharge, amount: number): Beginning {
  const [ordered, ...later] = change.world.refundOutcomes;
  if (ordered !== undefined) {
    change.alter({ refundOutcomes: later });
    return { status: ordered };
  }
  if (!isAvailable(change, amount)) return { status: "pending", pendingReason: "insufficient_funds" };
  const card = charge.payment_method === null ? undefined : cardBehind(change, charge.payment_method);
  return card?.refunds === "succeed_later"
    ? { status: "pending", pendingReason: "processing" }
    : { status: "succeeded" };
}

function carryOutWaiting(change: Change): void {
  for (const refund of change.objects.refund.oldestFirst()) {
    const isWaiting = refund.status === "pending" && refund.pending_reason === "insufficient_funds";
    if (isWaiting && isAvailable(change, refund.amount)) succeedRefund(change, refund);
  }
}

function isAvailable({ world }: Change, amount: number): boolean {
  return world.availableBalance === null || amount <= world.availableBalance;
}

function giveBack(change: Change, refund: StoredRefund): void {
  const charge = change.objects.charge.get(refund.charge);
  if (charge !== undefined) change.put(withRefunded(charge, charge.amount_refunded - refund.amount));
}

function refundableAmount(change: Change, charge: StoredCharge, asked: number | undefined): number {
  if (charge.status !== "succeeded") throw invalidRequest(`Charge ${charge.id} has not succeeded.`);
  if (isHeldByDispute(change, charge)) {
    throw invalidRequest(`Charge ${charge.id} has been charged back.`, { code: "charge_disputed" });
  }
  if (charge.refunded) {
    throw invalidRequest(`Charge ${charge.id} has already been refunded.`, { code: "charge_already_refunded" });
  }
  const left = charge.amount - charge.amount_refunded;
  if (asked !== undefined && asked > left) {
    throw invalidRequest(`Refund amount (${asked}) is greater than unrefunded amount on charge (${left}).`, {
      param: "amount",
    });
  }
  return asked ?? left;
}

/** A dispute that runs or is lost keeps the charge from being refunded; one that was won, or an inquiry, does not. */
function isHeldByDispute({ objects }: Change, charge: StoredCharge): boolean {
  if (!charge.disputed) return false;
  const [latest] = objects.dispute.newestFirst("charge", charge.id);
  return latest?.is_charge_refundable !== true;
}

/** A reason to be pending belongs to a pending refund only. */
function withStatus(refund: StoredRefund, change: Partial<StoredRefund>): StoredRefund {
  const { pending_reason: _, ...rest } = refund;
  return { ...rest, ...change };
}
