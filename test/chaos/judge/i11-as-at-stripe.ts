import type { RestJudge } from "./evidence.ts";

export const asAtStripe: RestJudge = {
  id: "I11",
  claim: "What a contract by card says of its subscription is what Stripe says.",
  judge({ tables, rest }) {
    const seen = new Map(rest.subscriptions.map((subscription) => [subscription.id, subscription]));
    const violations: string[] = [];
    let checked = 0;
    for (const { id, status, termination_on, stripe_subscription_id } of tables.contracts) {
      if (stripe_subscription_id === null) continue;
      const subscription = seen.get(stripe_subscription_id);
      checked += 1;
      if (subscription === undefined) {
        violations.push(`${id} names ${stripe_subscription_id}, which Stripe does not have`);
        continue;
      }
      const hasEnded = subscription.status === "canceled" || subscription.status === "incomplete_expired";
      const isFinal = status === "terminated" || status === "canceled";
      if (hasEnded !== isFinal) violations.push(`${id} is ${status}, and its subscription ${subscription.status}`);
      const isReserved = subscription.cancelAtPeriodEnd || subscription.cancelAt !== null;
      if (!hasEnded && isReserved !== (termination_on !== null)) {
        violations.push(
          `${id} ends on ${termination_on ?? "no date"}, and Stripe says ${subscription.cancelAt ?? "never"}`,
        );
      }
    }
    return { checked, violations };
  },
};
