import { pauseSubscription, resumeAnew, resumeUnchanged } from "../billing/pausing.ts";
import { collectNow, draftOfPending } from "../billing/pending-items.ts";
import { creditUnusedTime } from "../billing/prorating.ts";
import { defineEndpoint } from "../core/endpoint.ts";
import { invalidRequest, notImitated } from "../core/errors.ts";
import { currentPeriod } from "../objects/subscription-item.ts";
import { subscriptionNamed } from "./subscription-named.ts";

const CREDITS = ["item_current_period_start", "none", "now"] as const;
const PRORATIONS = ["none", "create_prorations", "always_invoice"] as const;

export const pause = defineEndpoint({
  method: "POST",
  path: "/v1/subscriptions/:id/pause",
  params: ["type", "invoicing_behavior", "bill_for[unused_time_from][type]"],
  answers: "subscription",
  read: (params, id) => ({
    id,
    creditFrom: params.map("bill_for").map("unused_time_from").oneOf("type", CREDITS) ?? "now",
    isInvoiced: params.oneOf("invoicing_behavior", ["invoice", "pending_invoice_item"]) === "invoice",
  }),
  execute: (change, { id, creditFrom, isInvoiced }) => {
    const subscription = subscriptionNamed(change, id);
    if (subscription.status === "trialing") throw notImitated("the pause of a trial");
    if (subscription.status !== "active" && subscription.status !== "past_due") {
      throw invalidRequest(`A subscription that is ${subscription.status} cannot be paused.`);
    }
    const from = creditFrom === "now" ? change.now : currentPeriod(subscription).start;
    if (creditFrom !== "none") creditUnusedTime(change, subscription, from);
    const draft = isInvoiced ? draftOfPending(change, subscription, "subscription_update") : null;
    pauseSubscription(change, subscriptionNamed(change, id), "pause_requested");
    if (draft !== null) collectNow(change, draft);
    return subscriptionNamed(change, id);
  },
});

export const resume = defineEndpoint({
  method: "POST",
  path: "/v1/subscriptions/:id/resume",
  params: ["billing_cycle_anchor[type]", "payment_behavior", "proration_behavior"],
  answers: "subscription",
  read: (params, id) => {
    // The other choice waits for the payment before the subscription is active.
    params.oneOf("payment_behavior", ["resume_on_payment_attempt"]);
    return {
      id,
      anchor: params.map("billing_cycle_anchor").oneOf("type", ["now", "unchanged"]) ?? "now",
      proration: params.oneOf("proration_behavior", PRORATIONS) ?? "create_prorations",
    };
  },
  execute: (change, { id, anchor, proration }) => {
    const subscription = subscriptionNamed(change, id);
    if (subscription.status !== "paused") throw invalidRequest("Only a paused subscription can be resumed.");
    if (anchor === "now") resumeAnew(change, subscription);
    else resumeUnchanged(change, subscription, proration);
    return subscriptionNamed(change, id);
  },
});
