import type { LedgerEntry } from "../../../sandbox/stripe/core/ledger.ts";
import type { World } from "./set-up.ts";

/*
 * Contracts with something at Stripe, registered here and seeded there. What is theirs at Stripe is named after them: the
 * contract `c-1` has `pi_c-1` and `cus_c-1`, so that an entry of the stand-in's ledger tells its contract.
 */

/**
 * A one-time contract whose price (9,800 yen) and initial fee (3,000 yen) were paid by card in one charge, so that
 * `cancel_with_refund` makes two refunds of the same charge: two calls, told apart by nothing but our metadata.
 */
export async function registerPaidByCard(world: World, contractId: string): Promise<void> {
  const [customerId, paymentIntentId] = [`cus_${contractId}`, `pi_${contractId}`];
  await world.stripe.control.seed({
    customers: [{ id: customerId }],
    paymentIntents: [{ id: paymentIntentId, customer: customerId, amount: 12_800 }],
  });
  const paidAt = "2024-10-08T01:00:00Z";
  await world.register(contractId, {
    productId: "course",
    product: { id: "course", kind: "one_time", priceMinor: 9_800 },
    kind: "one_time",
    paymentMethod: "card",
    priceMinor: 9_800,
    initialFeeMinor: 3_000,
    stripe: { customerId, paymentIntentId },
    payments: [
      { subject: "initial_fee", paidAt },
      { subject: "one_time_price", paidAt },
    ],
  });
}

/** What took effect at Stripe for a contract because we asked for it, in order: an effect's name and amount each. */
export async function effectsOf(world: World, contractId: string): Promise<readonly string[]> {
  return (await entriesOf(world, contractId))
    .filter(({ requestId }) => requestId !== null)
    .map(({ effect, amount }) => (amount === undefined ? effect : `${effect} ${amount}`));
}

/** The entries of the stand-in's ledger that name something of this contract. */
export async function entriesOf({ stripe }: World, contractId: string): Promise<readonly LedgerEntry[]> {
  const named = new RegExp(`_${contractId}["_]`);
  return (await stripe.control.ledger()).filter((entry) => named.test(JSON.stringify(entry)));
}
