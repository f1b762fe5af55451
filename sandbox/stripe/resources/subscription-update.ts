import { hasEnded } from "../billing/canceling.ts";
import { checkPaymentMethod } from "../billing/cards.ts";
import { recordSubscription } from "../billing/effects.ts";
import { collectNow, draftOfPending } from "../billing/pending-items.ts";
import { creditUnusedTime, prorateItems, takeBackCredits } from "../billing/prorating.ts";
import type { Change } from "../core/change.ts";
import { defineEndpoint } from "../core/endpoint.ts";
import { invalidRequest } from "../core/errors.ts";
import { changedMetadata, type MetadataChange, type Params } from "../core/params.ts";
import type { StoredInvoice, StoredSubscription } from "../core/stored.ts";
import { currentPeriod, itemOf, withItems } from "../objects/subscription-item.ts";
import { CANCELLATION_PARAMS, readCancellationDetails } from "./cancellation-details.ts";
import { changedItems, ITEM_PARAMS, type ItemChange, readItemChanges } from "./subscription-items.ts";
import { subscriptionNamed } from "./subscription-named.ts";

/** With one item, all of these name the end of its period. */
const PERIOD_ENDS = ["min_period_end", "max_period_end", "max_billed_until"];

type CancelAt =
  | { readonly type: "moment"; readonly at: number }
  | { readonly type: "period_end" }
  | { readonly type: "never" };

interface Update {
  readonly id: string;
  readonly items: readonly ItemChange[] | undefined;
  readonly proration: (typeof PRORATIONS)[number];
  /** As of when changed items are prorated; by default now. */
  readonly proratedAt: number | undefined;
  readonly atPeriodEnd: boolean | undefined;
  readonly cancelAt: CancelAt | undefined;
  readonly details: Partial<StoredSubscription["cancellation_details"]>;
  readonly defaultPaymentMethod: string | null | undefined;
  /** Null ends the pause of the collection. */
  readonly pauseCollection: StoredSubscription["pause_collection"] | undefined;
  readonly metadata: MetadataChange | undefined;
}

const PRORATIONS = ["none", "create_prorations", "always_invoice"] as const;

const PAUSES = ["keep_as_draft", "mark_uncollectible", "void"] as const;

export const updateSubscription = defineEndpoint<Update>({
  method: "POST",
  path: "/v1/subscriptions/:id",
  params: [
    ...ITEM_PARAMS,
    "cancel_at_period_end",
    "cancel_at",
    "proration_behavior",
    "proration_date",
    "default_payment_method",
    "pause_collection",
    "pause_collection[behavior]",
    "pause_collection[resumes_at]",
    "metadata[]",
    ...CANCELLATION_PARAMS,
  ],
  answers: "subscription",
  read: (params, id) => {
    checkPaymentMethod(params.text("default_payment_method"), "default_payment_method");
    return {
      id,
      items: params.has("items") ? readItemChanges(params) : undefined,
      proration: params.oneOf("proration_behavior", PRORATIONS) ?? "create_prorations",
      proratedAt: params.integer("proration_date", 0),
      atPeriodEnd: params.flag("cancel_at_period_end"),
      cancelAt: readCancelAt(params),
      details: readCancellationDetails(params),
      defaultPaymentMethod: params.textOrUnset("default_payment_method"),
      pauseCollection: readPause(params),
      metadata: params.metadata(),
    };
  },
  execute: (change, update) => {
    const subscription = subscriptionNamed(change, update.id);
    if (hasEnded(subscription)) refuseForEnded(update);
    const updated = updatedSubscription(change, subscription, update);
    // Stripe makes no event of an update that changes nothing, and the ledger no entry.
    if (JSON.stringify(updated) === JSON.stringify(subscription)) return subscription;
    change.put(updated);
    const draft = prorated(change, subscription, updated, update);
    recordSubscription(change, "subscription.updated", subscriptionNamed(change, update.id));
    if (draft !== null) collectNow(change, draft);
    return subscriptionNamed(change, update.id);
  },
});

/** What the update gives back or charges for the rest of the period. The draft of it, when it is to be invoiced at once. */
function prorated(
  change: Change,
  before: StoredSubscription,
  after: StoredSubscription,
  { proration, proratedAt }: Update,
): StoredInvoice | null {
  if (after.cancel_at !== before.cancel_at) takeBackCredits(change, before, before.cancel_at);
  if (proration === "none") return null;
  prorateItems(change, before, after, momentOf(change, before, proratedAt));
  if (after.cancel_at !== null && after.cancel_at !== before.cancel_at)
    creditUnusedTime(change, after, after.cancel_at);
  return proration === "always_invoice" ? draftOfPending(change, after, "subscription_update") : null;
}

/** A period that ended on a clock which has not been moved yet is used up. */
function momentOf({ now }: Change, subscription: StoredSubscription, given: number | undefined): number {
  const { start, end } = currentPeriod(subscription);
  if (given === undefined) return Math.min(Math.max(now, start), end);
  if (given >= start && given <= end) return given;
  throw invalidRequest("proration_date must lie in the current period.", { param: "proration_date" });
}

function updatedSubscription(change: Change, before: StoredSubscription, update: Update): StoredSubscription {
  const items = update.items === undefined ? before.items.data : changedItems(change, before, update.items);
  const reserved = withReservation(change, withItems(before, items), update);
  return {
    ...reserved,
    cancellation_details: { ...reserved.cancellation_details, ...update.details },
    ...(update.defaultPaymentMethod === undefined ? {} : { default_payment_method: update.defaultPaymentMethod }),
    ...(update.pauseCollection === undefined ? {} : { pause_collection: update.pauseCollection }),
    metadata: changedMetadata(before.metadata, update.metadata),
  };
}

function withReservation(
  change: Change,
  before: StoredSubscription,
  { atPeriodEnd, cancelAt }: Update,
): StoredSubscription {
  if (atPeriodEnd === undefined && cancelAt === undefined) return before;
  if (cancelAt?.type === "never") return withoutReservation(before);
  // Lifting the flag lifts what the flag has set; an end that was set as a moment stays.
  if (atPeriodEnd === false) return before.cancel_at_period_end ? withoutReservation(before) : before;
  const end = cancelAt?.type === "moment" ? cancelAt.at : itemOf(before).current_period_end;
  if (cancelAt?.type === "moment" && end <= change.now) {
    throw invalidRequest("cancel_at must be in the future.", { param: "cancel_at" });
  }
  const isSame = before.cancel_at === end && before.cancel_at_period_end === (atPeriodEnd === true);
  return {
    ...before,
    cancel_at: end,
    cancel_at_period_end: atPeriodEnd === true,
    // The moment of the request, not of the end; asking again for the same end is no new request.
    canceled_at: isSame ? before.canceled_at : change.now,
    cancellation_details: { ...before.cancellation_details, reason: "cancellation_requested" },
  };
}

function withoutReservation(before: StoredSubscription): StoredSubscription {
  return {
    ...before,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { ...before.cancellation_details, reason: null },
  };
}

function refuseForEnded({ items, atPeriodEnd, cancelAt, defaultPaymentMethod, pauseCollection }: Update): void {
  const fields = [items, atPeriodEnd, cancelAt, defaultPaymentMethod, pauseCollection];
  if (fields.every((field) => field === undefined)) return;
  throw invalidRequest("Of a canceled subscription only metadata and cancellation_details can be updated.", {
    code: "invalid_canceled_subscription_fields",
  });
}

function readPause(params: Params): StoredSubscription["pause_collection"] | undefined {
  if (!params.has("pause_collection")) return undefined;
  if (params.isText("pause_collection")) return null;
  const pause = params.map("pause_collection");
  const behavior = pause.oneOf("behavior", PAUSES);
  if (behavior === undefined) throw pause.missing("behavior");
  return { behavior, resumes_at: pause.integer("resumes_at", 0) ?? null };
}

function readCancelAt(params: Params): CancelAt | undefined {
  const text = params.textOrUnset("cancel_at");
  if (text === undefined) return undefined;
  if (text === null) return { type: "never" };
  if (PERIOD_ENDS.includes(text)) return { type: "period_end" };
  const at = params.integer("cancel_at", 0);
  return at === undefined ? undefined : { type: "moment", at };
}
