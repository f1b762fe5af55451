import { cardToCharge, checkPaymentMethod, customerNamed, declineOf } from "../billing/cards.ts";
import type { AddedFee } from "../billing/lines.ts";
import { type NewSubscription, startSubscription } from "../billing/subscribing.ts";
import type { Change } from "../core/change.ts";
import { defineEndpoint } from "../core/endpoint.ts";
import { invalidRequest, notImitated, referenceMissing, StripeRefusal } from "../core/errors.ts";
import { changedMetadata, type Params } from "../core/params.ts";
import type { StoredPrice } from "../core/stored.ts";
import { recurrenceOf } from "../objects/price.ts";
import { readCurrency } from "./read-currency.ts";

const PAYMENT_BEHAVIORS = ["allow_incomplete", "default_incomplete", "error_if_incomplete"] as const;

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
    "default_payment_method",
    "payment_behavior",
    "off_session",
    "description",
    "metadata[]",
  ],
  answers: "subscription",
  read: (params) => {
    checkPaymentMethod(params.text("default_payment_method"), "default_payment_method");
    return {
      customer: params.requiredText("customer"),
      ...readItem(params),
      fees: params.list("add_invoice_items").map(readFee),
      defaultPaymentMethod: params.text("default_payment_method") ?? null,
      paymentBehavior: params.oneOf("payment_behavior", PAYMENT_BEHAVIORS) ?? "allow_incomplete",
      description: params.text("description") ?? null,
      metadata: changedMetadata({}, params.metadata()),
    };
  },
  execute: (change, { paymentBehavior, ...input }) => {
    const customer = customerNamed(change, input.customer);
    const price = priceNamed(change, input.price, "items[0][price]");
    const recurrence = recurrenceOf(price);
    if (recurrence === null) throw invalidRequest("The price must recur.", { param: "items[0][price]" });
    const card = paymentBehavior === "default_incomplete" ? null : cardToCharge(customer, input.defaultPaymentMethod);
    const begun: NewSubscription = {
      ...input,
      customer,
      price,
      recurrence,
      fees: input.fees.map((fee) => feeOf(change, fee)),
      chargeTo: card,
    };
    if (paymentBehavior === "error_if_incomplete") refuseDeclined(card);
    return startSubscription(change, begun).subscription;
  },
});

function readItem(params: Params): { price: string; quantity: number } {
  const [item, ...others] = params.list("items");
  if (item === undefined) throw params.missing("items");
  if (others.length > 0) throw notImitated("subscriptions of several prices", "items");
  return { price: item.requiredText("price"), quantity: item.integer("quantity", 1) ?? 1 };
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

function priceNamed(change: Change, id: string, param: string): StoredPrice {
  const price = change.objects.price.get(id);
  if (price === undefined) throw referenceMissing("price", id, param);
  return price;
}

/** `error_if_incomplete` asks for all or nothing: a declined card leaves no subscription behind. */
function refuseDeclined(card: string | null): void {
  const decline = card === null ? null : declineOf(card);
  if (decline === null) return;
  const { code, declineCode, message } = decline;
  throw new StripeRefusal(402, { type: "card_error", code, decline_code: declineCode, message });
}
