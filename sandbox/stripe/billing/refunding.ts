import type Stripe from "stripe";
import type { Change } from "../core/change.ts";
import { invalidRequest } from "../core/errors.ts";
import type { Metadata, RefundStatus, StoredCharge, StoredRefund } from "../core/stored.ts";
import { countsAsRefunded, failureOf, refundObject } from "../objects/refund.ts";
import { recordRefund } from "./effects.ts";

export interface NewRefund {
  /** Undefined for all that is left. */
  readonly amount: number | undefined;
  readonly status: RefundStatus;
  readonly reason: Stripe.Refund.Reason | null;
  readonly metadata: Metadata;
}

/** Refunds a charge, or throws the refusal that Stripe gives; the order of the refusals is Stripe's, as far as known. */
export function refundCharge(change: Change, charge: StoredCharge, refund: NewRefund): StoredRefund {
  const amount = refundableAmount(charge, refund.amount);
  const created = change.put(refundObject({ ...refund, created: change.now, charge, amount }));
  if (countsAsRefunded(created.status)) change.put(withRefunded(charge, charge.amount_refunded + amount));
  recordRefund(change, "refund.created", created);
  if (created.status === "failed") recordRefund(change, "refund.failed", created);
  return created;
}

/** A refund that Stripe had accepted fails later: its amount can be refunded again. */
export function failRefund(change: Change, refund: StoredRefund, reason: string): StoredRefund {
  const failed = change.put(withStatus(refund, { status: "failed", ...failureOf(reason) }));
  const charge = change.objects.charge.get(refund.charge);
  if (charge !== undefined) change.put(withRefunded(charge, charge.amount_refunded - refund.amount));
  recordRefund(change, "refund.failed", failed);
  return failed;
}

/** A pending refund is carried out. */
export function succeedRefund(change: Change, refund: StoredRefund): StoredRefund {
  const succeeded = change.put(withStatus(refund, { status: "succeeded" }));
  recordRefund(change, "refund.succeeded", succeeded);
  return succeeded;
}

/** A charge of which this much is refunded; `refunded` means wholly. */
export function withRefunded(charge: StoredCharge, amountRefunded: number): StoredCharge {
  return { ...charge, amount_refunded: amountRefunded, refunded: amountRefunded === charge.amount };
}

function refundableAmount(charge: StoredCharge, asked: number | undefined): number {
  if (charge.status !== "succeeded") throw invalidRequest(`Charge ${charge.id} has not succeeded.`);
  if (charge.disputed) {
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

/** A reason to be pending belongs to a pending refund only. */
function withStatus(refund: StoredRefund, change: Partial<StoredRefund>): StoredRefund {
  const { pending_reason: _, ...rest } = refund;
  return { ...rest, ...change };
}
