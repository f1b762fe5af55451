import type { Change } from "../core/change.ts";
import { resourceMissing } from "../core/errors.ts";
import type { StoredSubscription } from "../core/stored.ts";

/** The subscription of this id, ended or not, or 404. */
export function subscriptionNamed(change: Change, id: string): StoredSubscription {
  const subscription = change.objects.subscription.get(id);
  if (subscription === undefined) throw resourceMissing("subscription", id, "id");
  return subscription;
}

/** Whether a subscription is over for good. */
export function hasEnded({ status }: StoredSubscription): boolean {
  return status === "canceled" || status === "incomplete_expired";
}
