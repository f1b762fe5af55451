import { announcementsOf } from "../billing/announcing.ts";
import { endSubscription, hasEnded } from "../billing/canceling.ts";
import { cardBehind } from "../billing/cards.ts";
import { finalAt } from "../billing/draft-answers.ts";
import { collectDueInvoice, finalizeDueInvoice } from "../billing/dunning.ts";
import { recordInvoice } from "../billing/effects.ts";
import { draftOfPending } from "../billing/pending-items.ts";
import { failRefund, succeedRefund } from "../billing/refunding.ts";
import { expireSubscription, renewSubscription } from "../billing/renewing.ts";
import type { Change } from "../core/change.ts";
import type { Collections } from "../core/collections.ts";
import type { ObjectKind, StoredInvoice, StoredObjects, StoredRefund, StoredSubscription } from "../core/stored.ts";
import type { World } from "../core/world.ts";
import { currentPeriod } from "../objects/subscription-item.ts";

/** What time alone brings about next in one object's life. */
export interface Due {
  /** Seconds. */
  readonly at: number;
  readonly happen: (change: Change) => void;
}

/** How long the first invoice may wait for its payment. */
const INCOMPLETE_SECONDS = 23 * 60 * 60;

/** When the test cards that change a refund's mind do so. Stripe says only: later. */
const REFUND_TURNS_AFTER_SECONDS = 24 * 60 * 60;

/** What surrounds an object: the others, the account's settings, and when the time that passes began. */
export interface Surroundings {
  readonly objects: Collections;
  readonly world: World;
  /** Seconds. What should have been announced by then is not announced any more. */
  readonly from: number;
  /** Seconds: how far time has passed. Nothing is announced later than it should be. */
  now: number;
}

/** The next thing that time brings about, or null for an object that only waits for others. */
export function dueOf(around: Surroundings, object: StoredObjects[ObjectKind]): Due | null {
  if (object.object === "subscription") return earliest(dueOfSubscription(object), nextAnnouncement(around, object));
  if (object.object === "invoice") return dueOfInvoice(object);
  return object.object === "refund" ? dueOfRefund(around.objects, object) : null;
}

function nextAnnouncement({ objects, world, from, now }: Surroundings, subscription: StoredSubscription): Due | null {
  if (hasEnded(subscription)) return null;
  let next: Due | null = null;
  for (const { key, at, announce } of announcementsOf(subscription, world)) {
    const [told] = objects.event.newestFirst("announcement", key);
    if (told === undefined && at > from && at >= now) next = earliest({ at, happen: announce }, next);
  }
  return next;
}

/** Of two things at one moment, the second: what is announced goes before what happens. */
function earliest(one: Due | null, other: Due | null): Due | null {
  if (one === null || other === null) return one ?? other;
  return one.at < other.at ? one : other;
}

function dueOfSubscription(subscription: StoredSubscription): Due | null {
  const { cancel_at: end, created, status } = subscription;
  if (hasEnded(subscription)) return null;
  const boundary = currentPeriod(subscription).end;
  if (end !== null && end <= boundary) {
    return { at: end, happen: (change) => endAsReserved(change, subscription) };
  }
  if (status === "incomplete") {
    return { at: created + INCOMPLETE_SECONDS, happen: (change) => expireSubscription(change, subscription) };
  }
  if (status === "paused") return null;
  return { at: boundary, happen: (change) => renewSubscription(change, subscription) };
}

/** What still waits for an invoice gets one, a draft for an hour as after every boundary. */
function endAsReserved(change: Change, subscription: StoredSubscription): void {
  const draft = draftOfPending(change, subscription, "subscription_cycle");
  const left = change.objects.subscription.get(subscription.id) ?? subscription;
  endSubscription(change, left, "cancellation_requested");
  if (draft !== null) recordInvoice(change, "invoice.created", draft);
}

function dueOfInvoice(invoice: StoredInvoice): Due | null {
  if (!invoice.auto_advance) return null;
  const at = finalAt(invoice);
  if (invoice.status === "draft" && at !== null) {
    return { at, happen: (change) => finalizeDueInvoice(change, invoice) };
  }
  if (invoice.status === "open" && invoice.next_payment_attempt !== null) {
    return { at: invoice.next_payment_attempt, happen: (change) => collectDueInvoice(change, invoice) };
  }
  return null;
}

function dueOfRefund(objects: Collections, refund: StoredRefund): Due | null {
  const card = objects.charge.get(refund.charge)?.payment_method;
  const turns = card == null ? undefined : cardBehind({ objects }, card).refunds;
  const at = refund.created + REFUND_TURNS_AFTER_SECONDS;
  if (turns === "fail_later" && refund.status === "succeeded") {
    return { at, happen: (change) => failRefund(change, refund, "expired_or_canceled_card") };
  }
  if (turns === "succeed_later" && refund.status === "pending" && refund.pending_reason === "processing") {
    return { at, happen: (change) => succeedRefund(change, refund) };
  }
  return null;
}
