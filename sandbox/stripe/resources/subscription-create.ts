import { cardToCharge, checkPaymentMethod, customerNamed } from "../billing/cards.ts";
import { cardError } from "../billing/charging.ts";
import type { AddedFee } from "../billing/lines.ts";
import { type NewSubscription, type SubscriptionStart, startSubscription } from "../billing/subscribing.ts";
import type { Change } from "../core/change.ts";
import { defineEndpoint } from "../core/endpoint.ts";
import { invalidRequest, notImitated, StripeRefusal } from "../core/errors.ts";
import { changedMetadata, type Params } from "../core/params.ts";
import { readCurrency } from "./read-currency.ts";
import { ANCHOR_PARAMS, anchorOf, readAnchor } from "./subscription-anchor.ts";
import { priceNamed, recurringPrice, sharedRecurrence } from "./subscription-prices.ts";

const PAYMENT_BEHAVIORS = ["allow_incomplete", "default_incomplete", "error_if_incomplete"] as const;

const DAY_SECONDS = 24 * 60 * 60;

/** A fee by the id of a price, or by data of its own; `param` is the name for refusals. */
type FeeInput =
  | { readonly type: "price"; readonly id: string; readonly param: string; readonly quantity: number }
  | { readonly type: "data"; readonly product: string; readonly unitAmount: number; readonly quantity: number };

export const createSubscription = defineEndpoint({
  method: "POST",
  path: "/v1/subscriptions",
  params: [
    "customer",
    "items[][price]",
    "items[][quantity]",
    "add_invoice_items[][price]",
    "add_invoice_items[][quantity]",
    "add_invoice_items[][price_data][currency]",
    "add_invoice_items[][price_data][product]",
    "add_invoice_items[][price_data][unit_amount]",
    ...ANCHOR_PARAMS,
    "proration_behavior",
    "default_payment_method",
    "payment_behavior",
    "off_session",
    "trial_end",
    "trial_period_days",
    "description",
    "metadata[]",
  ],
  answers: "subscription",
  read: (params) => {
    checkPaymentMethod(params.text("default_payment_method"), "default_payment_method");
    return {
      customer: params.requiredText("customer"),
      items: readItems(params),
      fees: params.list("add_invoice_items").map(readFee),
      defaultPaymentMethod: params.text("default_payment_method") ?? null,
      paymentBehavior: params.oneOf("payment_behavior", PAYMENT_BEHAVIORS) ?? "allow_incomplete",
      trial: readTrial(params),
      anchor: readAnchor(params),
      isStubFree: params.oneOf("proration_behavior", ["none", "create_prorations", "always_invoice"]) === "none",
      description: params.text("description") ?? null,
      metadata: changedMetadata({}, params.metadata()),
    };
  },
  execute: (change, { paymentBehavior, trial, ...input }) => {
    const customer = customerNamed(change, input.customer);
    const items = input.items.map((item) => ({ ...item, price: recurringPrice(change, item.price, item.param) }));
    const recurrence = sharedRecurrence(items);
    const trialEnd = trialEndOf(change, trial);
    const anchor = anchorOf(input.anchor, recurrence, change.now);
    if (anchor !== null && trialEnd !== null) throw notImitated("a trial with an anchor", "billing_cycle_anchor");
    const needsCard = paymentBehavior !== "default_incomplete" && trialEnd === null;
    const begun: NewSubscription = {
      ...input,
      customer,
      items,
      recurrence,
      fees: input.fees.map((fee) => feeOf(change, fee)),
      chargeTo: needsCard ? cardToCharge(customer, input.defaultPaymentMethod) : null,
      trialEnd,
      anchor,
      anchorConfig: input.anchor.type === "config" ? input.anchor.config : null,
    };
    const start = startSubscription(change, begun);
    if (paymentBehavior === "error_if_incomplete") refuseIncomplete(start);
    return start.subscription;
  },
});

function readItems(params: Params) {
  const items = params.list("items").map((item) => ({
    price: item.requiredText("price"),
    param: item.nameOf("price"),
    quantity: item.integer("quantity", 1) ?? 1,
  }));
  if (items.length === 0) throw params.missing("items");
  return items;
}

function readFee(params: Params): FeeInput {
  const quantity = params.integer("quantity", 1) ?? 1;
  if (!params.has("price_data")) {
    return { type: "price", id: params.requiredText("price"), param: params.nameOf("price"), quantity };
  }
  const data = params.map("price_data");
  readCurrency(data);
  const unitAmount = data.integer("unit_amount", 0);
  if (unitAmount === undefined) throw data.missing("unit_amount");
  return { type: "data", product: data.requiredText("product"), unitAmount, quantity };
}

function feeOf(change: Change, fee: FeeInput): AddedFee {
  if (fee.type === "data") {
    const price = { id: `price_inline_${fee.product}`, product: fee.product, unitAmount: fee.unitAmount };
    return { price, quantity: fee.quantity };
  }
  const { id, product, unit_amount: unitAmount, recurring } = priceNamed(change, fee.id, fee.param);
  if (recurring !== null) throw invalidRequest("The price of an added item must not recur.", { param: fee.param });
  return { price: { id, product, unitAmount }, quantity: fee.quantity };
}

type Trial =
  | { readonly type: "until"; readonly at: number }
  | { readonly type: "days"; readonly days: number }
  | { readonly type: "none" };

function readTrial(params: Params): Trial {
  const days = params.integer("trial_period_days", 0);
  if (days !== undefined && days > 0) return { type: "days", days };
  if (!params.has("trial_end") || params.text("trial_end") === "now") return { type: "none" };
  const at = params.integer("trial_end", 0);
  return at === undefined ? { type: "none" } : { type: "until", at };
}

function trialEndOf({ now }: Change, trial: Trial): number | null {
  if (trial.type === "none") return null;
  const end = trial.type === "until" ? trial.at : now + trial.days * DAY_SECONDS;
  if (end > now) return end;
  throw invalidRequest("trial_end must be in the future.", { param: "trial_end" });
}

/** `error_if_incomplete` asks for all or nothing: thrown, so that a declined card leaves no subscription behind. */
function refuseIncomplete({ attempt }: SubscriptionStart): void {
  if (attempt === null || attempt.result === "paid") return;
  if (attempt.result === "declined") throw cardError(attempt);
  throw new StripeRefusal(402, {
    type: "card_error",
    code: "subscription_payment_intent_requires_action",
    message: "The payment needs the customer's authentication.",
  });
}
