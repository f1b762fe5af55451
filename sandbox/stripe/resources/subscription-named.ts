import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import { resourceMissing } from "../core/errors.ts";
import type { StoredSubscription } from "../core/stored.ts";

/** The subscription of this id, ended or not, or 404. What follows is dated by its clock. */
export function subscriptionNamed(change: Change, id: string): StoredSubscription {
  const subscription = change.objects.subscription.get(id);
  if (subscription === undefined) throw resourceMissing("subscription", id, "id");
  followClockOf(change, subscription.customer);
  return subscription;
}
