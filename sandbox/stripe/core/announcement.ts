import { type StoredEvent, subscriptionOf } from "./stored.ts";

export const TRIAL_WILL_END = "customer.subscription.trial_will_end";
export const INVOICE_UPCOMING = "invoice.upcoming";

/** Names an announcement, which is made once: its type, the subscription, and the moment of which it tells. */
export function announcementKey(type: string, subscription: string | null, moment: number | null): string {
  return `${type} ${subscription} ${moment}`;
}

/** The key of the announcement that an event makes; null for every other event. */
export function announcementOf({ type, data: { object } }: StoredEvent): string | null {
  if (type === TRIAL_WILL_END && object.object === "subscription") {
    return announcementKey(type, object.id, object.trial_end);
  }
  if (type !== INVOICE_UPCOMING || object.object !== "invoice") return null;
  return announcementKey(type, subscriptionOf(object), object.period_end);
}
