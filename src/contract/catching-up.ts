import type { Attention, Change } from "./change.ts";
import { followRefunds, listRefunds } from "./following-refunds.ts";
import { asRefunded, type Receipt, type Recording } from "./receipts.ts";
import { type RuleFacts, remarkOnMissing, settle } from "./rule.ts";
import type { Answers, Step } from "./step.ts";

/**
 * Settles a payment that is recorded and kept, with what Stripe reported of it before it was known here: its refunds are
 * followed, a dispute is told. Money that is refunded at once has no need of that: what its charge has left is read for it.
 */
export function catchUp(
  { world, reportedEarly }: RuleFacts<unknown>,
  { paymentIntentId }: Receipt,
  { rows, named }: Recording,
  change: Change,
  answers: Answers,
): Step {
  if (rows.length + named.length === 0) return settle(change);
  if (paymentIntentId === null || !reportedEarly.includes(paymentIntentId)) return settle(change);
  const listed = listRefunds(paymentIntentId, answers);
  if (listed.type === "step") return listed.step;
  const { seen } = listed;
  if (seen.type === "missing") {
    return settle({ ...change, attention: [...(change.attention ?? []), remarkOnMissing(paymentIntentId)] });
  }
  const payments = [...named, ...rows.map((row) => ({ ...row, state: "paid" as const }))];
  const followed = followRefunds(payments, world.refunds, seen, paymentIntentId);
  const disputed: Attention[] = seen.disputed ? [{ code: "payment_disputed", detail: { paymentIntentId } }] : [];
  return settle({
    ...asRefunded(change, new Set(refundedIn(followed))),
    newRefunds: followed.newRefunds ?? [],
    attention: [...(change.attention ?? []), ...(followed.attention ?? []), ...disputed],
    notices: [...(change.notices ?? []), ...(followed.notices ?? [])],
  });
}

function refundedIn({ paymentMoves = [] }: Change): readonly string[] {
  return paymentMoves.filter(({ to }) => to === "refunded").map(({ id }) => id);
}
