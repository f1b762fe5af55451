import { type Effect, grouped, type RestJudge } from "./evidence.ts";
import { refundedOf } from "./i1-refunded-once.ts";

const atStripe = ["pending", "requires_action", "succeeded"];

export const moneyIsConserved: RestJudge = {
  id: "I21",
  claim: "What Stripe took and gave back for a contract is what our books say, yen by yen.",
  judge({ tables, ledger }) {
    const chargeOfIntent = new Map<string, string>();
    for (const { object, objectId, paymentIntent } of ledger) {
      if (object === "charge" && paymentIntent !== undefined) chargeOfIntent.set(paymentIntent, objectId);
    }
    const byIntent = grouped(
      ledger.filter(
        ({ paymentIntent, charge, object }) =>
          paymentIntent !== undefined || charge !== undefined || object === "charge",
      ),
      (effect) => intentOf(effect, chargeOfIntent) ?? "",
    );
    const contracts = new Set(tables.contracts.map(({ id }) => id));
    const payments = grouped(
      tables.payments.filter(
        ({ stripe_payment_intent_id, state }) => stripe_payment_intent_id && ["paid", "refunded"].includes(state),
      ),
      ({ stripe_payment_intent_id }) => stripe_payment_intent_id ?? "",
    );
    const violations: string[] = [];
    for (const [intent, rows] of payments) {
      const effects = byIntent.get(intent) ?? [];
      const taken = effects
        .filter(({ object, effect }) => object === "charge" && (effect === "seeded" || effect === "charge.succeeded"))
        .reduce((sum, { amount = 0 }) => sum + amount, 0);
      const booked = rows.reduce((sum, { amount_minor }) => sum + amount_minor, 0);
      if (booked !== taken) violations.push(`${intent} took ${taken}, and our books say ${booked}`);
      const given = refundedOf(effects);
      const ours = tables.refunds
        .filter(
          ({ stripe_payment_intent_id, state, contract_id }) =>
            stripe_payment_intent_id === intent && atStripe.includes(state) && contracts.has(contract_id),
        )
        .reduce((sum, { amount_minor }) => sum + amount_minor, 0);
      if (given !== ours) violations.push(`${intent} gave back ${given}, and our books say ${ours}`);
    }
    return { checked: payments.size, violations };
  },
};

function intentOf({ paymentIntent, charge, object, objectId }: Effect, chargeOfIntent: ReadonlyMap<string, string>) {
  if (paymentIntent !== undefined) return paymentIntent;
  const wanted = object === "charge" ? objectId : charge;
  return [...chargeOfIntent].find(([, id]) => id === wanted)?.[0];
}
