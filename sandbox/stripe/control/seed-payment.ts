import { GOOD_CARD } from "../billing/cards.ts";
import { chargedIntent } from "../billing/charging.ts";
import { recordCharge, recordDispute, recordPaymentIntent, recordRefund } from "../billing/effects.ts";
import { withRefunded } from "../billing/refunding.ts";
import type { Change } from "../core/change.ts";
import type { StoredCharge, StoredPaymentIntent } from "../core/stored.ts";
import { chargeObject } from "../objects/charge.ts";
import { disputeObject } from "../objects/dispute.ts";
import { countsAsRefunded, refundObject } from "../objects/refund.ts";
import { putNew, tailOf } from "./put-new.ts";
import type { PaymentSeed, SeededPayment } from "./seed-schema.ts";

/** Charges a seeded PaymentIntent, with the refunds and the dispute that the seed gives it. */
export function seedPaid(
  change: Change,
  intent: StoredPaymentIntent,
  seed: Omit<PaymentSeed, "paymentIntent" | "invoicePayment">,
  paymentMethod: string | null,
): SeededPayment {
  const paidAt = seed.paidAt ?? intent.created;
  const id = seed.charge ?? `ch_${tailOf(intent.id)}`;
  const charge = chargeObject({
    id,
    created: paidAt,
    paymentIntent: intent,
    paymentMethod: paymentMethod ?? GOOD_CARD,
    decline: null,
  });
  const paid = change.put(chargedIntent(intent, charge, null));
  putNew(change, { ...charge, disputed: seed.disputed });
  recordPaymentIntent(change, "seeded", paid);
  recordCharge(change, "seeded", charge);
  if (seed.disputed) seedDispute(change, charge);
  const refunds = seedRefunds(change, { ...charge, disputed: seed.disputed }, seed.refunds);
  return { paymentIntent: intent.id, charge: id, refunds };
}

function seedDispute(change: Change, charge: StoredCharge): void {
  const id = `du_${tailOf(charge.id)}`;
  const facts = { id, created: charge.created, charge, reason: "fraudulent", status: "needs_response" as const };
  recordDispute(change, "seeded", putNew(change, disputeObject(facts)));
}

function seedRefunds(change: Change, charge: StoredCharge, seeds: PaymentSeed["refunds"]): string[] {
  let refunded = 0;
  const ids = seeds.map((seed, position) => {
    const refund = putNew(
      change,
      refundObject({
        ...seed,
        id: seed.id ?? `re_${tailOf(charge.id)}_${position}`,
        created: seed.createdAt ?? charge.created,
        charge,
      }),
    );
    if (countsAsRefunded(refund.status)) refunded += refund.amount;
    recordRefund(change, "seeded", refund);
    return refund.id;
  });
  if (refunded > charge.amount) throw new Error(`The refunds of ${charge.id} come to more than its ${charge.amount}`);
  change.put(withRefunded(charge, refunded));
  return ids;
}
