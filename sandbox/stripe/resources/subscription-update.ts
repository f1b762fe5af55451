import { hasEnded } from "../billing/canceling.ts";
import { checkPaymentMethod } from "../billing/cards.ts";
import { recordSubscription } from "../billing/effects.ts";
import type { Change } from "../core/change.ts";
import { defineEndpoint } from "../core/endpoint.ts";
import { invalidRequest } from "../core/errors.ts";
import { changedMetadata, type MetadataChange, type Params } from "../core/params.ts";
import type { StoredSubscription } from "../core/stored.ts";
import { itemOf } from "../objects/subscription-item.ts";
import { CANCELLATION_PARAMS, readCancellationDetails } from "./cancellation-details.ts";
import { subscriptionNamed } from "./subscription-named.ts";

/** With one item, all of these name the end of its period. */
const PERIOD_ENDS = ["min_period_end", "max_period_end", "max_billed_until"];

type CancelAt =
  | { readonly type: "moment"; readonly at: number }
  | { readonly type: "period_end" }
  | { readonly type: "never" };

interface Update {
  readonly id: string;
  readonly atPeriodEnd: boolean | undefined;
  readonly cancelAt: CancelAt | undefined;
  readonly details: Partial<StoredSubscription["cancellation_details"]>;
  readonly defaultPaymentMethod: string | null | undefined;
  /** Null ends the pause of the collection. */
  readonly pauseCollection: StoredSubscription["pause_collection"] | undefined;
  readonly metadata: MetadataChange | undefined;
}

const PAUSES = ["keep_as_draft", "mark_uncollectible", "void"] as const;

export const updateSubscription = defineEndpoint<Update>({
  method: "POST",
  path: "/v1/subscriptions/:id",
  params: [
    "cancel_at_period_end",
    "cancel_at",
    "proration_behavior",
    "default_payment_method",
    "pause_collection",
    "pause_collection[behavior]",
    "pause_collection[resumes_at]",
    "metadata[]",
    ...CANCELLATION_PARAMS,
  ],
  answers: "subscription",
  read: (params, id) => {
    params.oneOf("proration_behavior", ["none", "create_prorations", "always_invoice"]);
    checkPaymentMethod(params.text("default_payment_method"), "default_payment_method");
    return {
      id,
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
    recordSubscription(change, "subscription.updated", updated);
    return updated;
  },
});

function updatedSubscription(change: Change, before: StoredSubscription, update: Update): StoredSubscription {
  const reserved = withReservation(change, before, update);
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

function refuseForEnded({ atPeriodEnd, cancelAt, defaultPaymentMethod, pauseCollection }: Update): void {
  const fields = [atPeriodEnd, cancelAt, defaultPaymentMethod, pauseCollection];
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
