import { cancelSubscription, hasEnded } from "../billing/canceling.ts";
import { collectNow, draftOfPending, pendingItems, removePending } from "../billing/pending-items.ts";
import { creditUnusedTime, takeBackCredits } from "../billing/prorating.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import type { StoredSubscription } from "../core/stored.ts";
import { CANCELLATION_PARAMS, readCancellationDetails } from "./cancellation-details.ts";
import { narrowestIndex } from "./narrowest-index.ts";
import { createSubscription } from "./subscription-create.ts";
import { subscriptionNamed } from "./subscription-named.ts";
import { pause, resume } from "./subscription-pause.ts";
import { updateSubscription } from "./subscription-update.ts";

const LISTED_STATUSES = [
  "active",
  "all",
  "canceled",
  "ended",
  "incomplete",
  "incomplete_expired",
  "past_due",
  "paused",
  "trialing",
  "unpaid",
] as const;

type ListedStatus = (typeof LISTED_STATUSES)[number];

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/subscriptions/:id",
  params: [],
  answers: "subscription",
  read: (_params, id) => id,
  execute: subscriptionNamed,
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/subscriptions",
  params: [...LIST_PARAMS, "customer", "price", "status", "test_clock"],
  answers: "subscription",
  isList: true,
  read: (params) => ({
    page: readPageRequest(params),
    customer: params.text("customer"),
    price: params.text("price"),
    status: params.oneOf("status", LISTED_STATUSES),
    testClock: params.text("test_clock"),
  }),
  execute: ({ objects }, { page, customer, price, status, testClock }) =>
    listPage(
      {
        collection: objects.subscription,
        index: narrowestIndex({ customer }),
        matches: (subscription) =>
          isListed(subscription, status) &&
          isOnClock(subscription, testClock, customer) &&
          (price === undefined || subscription.items.data.some((item) => item.price.id === price)),
        url: "/v1/subscriptions",
        noun: "subscription",
      },
      page,
    ),
});

const cancel = defineEndpoint({
  method: "DELETE",
  path: "/v1/subscriptions/:id",
  params: ["invoice_now", "prorate", ...CANCELLATION_PARAMS],
  answers: "subscription",
  read: (params, id) => ({
    id,
    details: readCancellationDetails(params),
    isProrated: params.flag("prorate") ?? false,
    isInvoicedNow: params.flag("invoice_now") ?? false,
  }),
  execute: (change, { id, details, isProrated, isInvoicedNow }) => {
    const subscription = subscriptionNamed(change, id);
    // To this endpoint, and to this one only, a subscription that has ended no longer exists.
    if (hasEnded(subscription)) throw resourceMissing("subscription", id, "id");
    if (isProrated) {
      takeBackCredits(change, subscription, subscription.cancel_at);
      creditUnusedTime(change, subscription, change.now);
    } else if (!isInvoicedNow) for (const item of pendingItems(change, id)) removePending(change, item);
    const draft = isInvoicedNow ? draftOfPending(change, subscription, "subscription_update") : null;
    const canceled = cancelSubscription(change, subscriptionNamed(change, id), details);
    if (draft !== null) collectNow(change, draft);
    return canceled;
  },
});

export const subscriptionEndpoints: readonly Endpoint[] = [
  createSubscription,
  retrieve,
  list,
  updateSubscription,
  pause,
  resume,
  cancel,
];

function isListed(subscription: StoredSubscription, status: ListedStatus | undefined): boolean {
  if (status === undefined) return subscription.status !== "canceled";
  if (status === "all") return true;
  return status === "ended" ? hasEnded(subscription) : subscription.status === status;
}

/** Those on test clocks show themselves only to who asks for the clock or for the customer. */
function isOnClock(
  { test_clock }: StoredSubscription,
  clock: string | undefined,
  customer: string | undefined,
): boolean {
  return clock === undefined ? customer !== undefined || test_clock === null : test_clock === clock;
}
