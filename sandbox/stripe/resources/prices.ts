import { record } from "../billing/effects.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { referenceMissing, resourceMissing } from "../core/errors.ts";
import { changedMetadata, type Params } from "../core/params.ts";
import { INTERVALS, priceObject, type Recurrence } from "../objects/price.ts";
import { readCurrency } from "./read-currency.ts";

const create = defineEndpoint({
  method: "POST",
  path: "/v1/prices",
  params: [
    "product",
    "currency",
    "unit_amount",
    "recurring[interval]",
    "recurring[interval_count]",
    "active",
    "nickname",
    "lookup_key",
    "metadata[]",
  ],
  answers: "price",
  read: (params) => {
    const unitAmount = params.integer("unit_amount", 0);
    if (unitAmount === undefined) throw params.missing("unit_amount");
    return {
      product: params.requiredText("product"),
      currency: readCurrency(params),
      unitAmount,
      recurrence: readRecurrence(params),
      active: params.flag("active"),
      nickname: params.text("nickname"),
      lookupKey: params.text("lookup_key"),
      metadata: changedMetadata({}, params.metadata()),
    };
  },
  execute: (change, input) => {
    if (change.objects.product.get(input.product) === undefined) {
      throw referenceMissing("product", input.product, "product");
    }
    const price = change.put(priceObject({ ...input, created: change.now }));
    record(change, "price.created", price, { amount: price.unit_amount, metadata: price.metadata });
    return price;
  },
});

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/prices/:id",
  params: [],
  answers: "price",
  read: (_params, id) => id,
  execute: (change, id) => {
    const price = change.objects.price.get(id);
    if (price === undefined) throw resourceMissing("price", id, "price");
    return price;
  },
});

export const priceEndpoints: readonly Endpoint[] = [create, retrieve];

function readRecurrence(params: Params): Recurrence | null {
  if (!params.has("recurring")) return null;
  const recurring = params.map("recurring");
  const interval = recurring.oneOf("interval", INTERVALS);
  if (interval === undefined) throw recurring.missing("interval");
  return { interval, count: recurring.integer("interval_count", 1) ?? 1 };
}
