import type { Change } from "../core/change.ts";
import { invalidRequest, notImitated, referenceMissing } from "../core/errors.ts";
import type { StoredPrice } from "../core/stored.ts";
import { commonRecurrence, type Recurrence, recurrenceOf } from "../objects/price.ts";

/** As many as Stripe lets a subscription have. */
const ITEMS_MAX = 20;

/** The price of this id, or 400 by the parameter that names it. */
export function priceNamed(change: Change, id: string, param: string): StoredPrice {
  const price = change.objects.price.get(id);
  if (price === undefined) throw referenceMissing("price", id, param);
  return price;
}

/** As `priceNamed`; 400 for one that is paid once. */
export function recurringPrice(change: Change, id: string, param: string): StoredPrice {
  const price = priceNamed(change, id, param);
  if (recurrenceOf(price) === null) throw invalidRequest("The price must recur.", { param });
  return price;
}

/**
 * How often the items of one subscription recur. Throws for too many, for two of one price, and for items that do not
 * recur alike: those Stripe bills apart from each other, and the stand-in does not.
 */
export function sharedRecurrence(items: readonly { readonly price: StoredPrice }[]): Recurrence {
  const prices = items.map(({ price }) => price);
  if (prices.length > ITEMS_MAX) {
    throw invalidRequest(`A subscription has at most ${ITEMS_MAX} items.`, { param: "items" });
  }
  if (new Set(prices.map(({ id }) => id)).size < prices.length) {
    throw invalidRequest("A subscription cannot have two items of the same price.", { param: "items" });
  }
  const recurrence = commonRecurrence(prices);
  if (recurrence === null) throw notImitated("subscriptions whose prices recur differently", "items");
  return recurrence;
}
