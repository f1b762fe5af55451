import { announcementKey, INVOICE_UPCOMING, TRIAL_WILL_END } from "../core/announcement.ts";
import type { Change } from "../core/change.ts";
import { type StoredInvoice, type StoredSubscription, subscriptionOf } from "../core/stored.ts";
import type { World } from "../core/world.ts";
import { currentPeriod } from "../objects/subscription-item.ts";
import { balanceApplied } from "./balance.ts";
import { nextInvoice } from "./renewing.ts";

const DAY_SECONDS = 24 * 60 * 60;

/** How long before its end a trial is announced to end. */
const TRIAL_NOTICE_SECONDS = 3 * DAY_SECONDS;

/** Something that is told ahead of time, once: an event without any effect. */
export interface Announcement {
  readonly key: string;
  /** Seconds. */
  readonly at: number;
  readonly announce: (change: Change) => void;
}

/** All that is to be told ahead of a subscription, whether it has been told already or not. */
export function announcementsOf(subscription: StoredSubscription, { upcomingDays }: World): Announcement[] {
  const { id, status, trial_end: trialEnd } = subscription;
  const found: Announcement[] = [];
  if (status === "trialing" && trialEnd !== null) {
    found.push({
      key: announcementKey(TRIAL_WILL_END, id, trialEnd),
      at: trialEnd - TRIAL_NOTICE_SECONDS,
      announce: (change) => change.emit(TRIAL_WILL_END, subscription),
    });
  }
  const { start, end } = currentPeriod(subscription);
  const at = end - (upcomingDays ?? 0) * DAY_SECONDS;
  // A period that is shorter than the notice goes unannounced.
  if (upcomingDays !== null && at >= start && willBeCollected(subscription, end)) {
    found.push({
      key: announcementKey(INVOICE_UPCOMING, id, end),
      at,
      announce: (change) => change.emit(INVOICE_UPCOMING, preview(nextInvoice(change, subscription, end))),
    });
  }
  return found;
}

/** A trial that is too short to be announced in time is announced as soon as it begins. */
export function announceShortTrial(change: Change, subscription: StoredSubscription): void {
  const { trial_end: end } = subscription;
  if (subscription.status !== "trialing" || end === null || end - TRIAL_NOTICE_SECONDS > change.now) return;
  change.emit(TRIAL_WILL_END, subscription);
}

function willBeCollected({ cancel_at: end, pause_collection: pause, status }: StoredSubscription, boundary: number) {
  if (end !== null && end <= boundary) return false;
  if (pause?.behavior === "keep_as_draft") return false;
  return status === "active" || status === "trialing" || status === "past_due";
}

/** The invoice as it would be, with the customer's balance. It does not exist yet, so neither it nor its lines name one. */
function preview(next: StoredInvoice): StoredInvoice {
  const { id: _, ...invoice } = next;
  const data = next.lines.data.map((line) => ({ ...line, invoice: null }));
  const url = `/v1/invoices/upcoming/lines?subscription=${subscriptionOf(next)}`;
  const applied = balanceApplied(next, next.starting_balance);
  return { ...invoice, ...applied, lines: { ...next.lines, data, url } } as StoredInvoice;
}
