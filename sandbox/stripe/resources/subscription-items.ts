import type { Change } from "../core/change.ts";
import { invalidRequest, notImitated, referenceMissing } from "../core/errors.ts";
import type { Params } from "../core/params.ts";
import type { StoredSubscription, StoredSubscriptionItem } from "../core/stored.ts";
import { recurrenceOf } from "../objects/price.ts";
import { currentPeriod, itemObject, itemOf } from "../objects/subscription-item.ts";
import { recurringPrice, sharedRecurrence } from "./subscription-prices.ts";

/** What an update says of one item: with an id, of one that is there; without, of a new one. */
export interface ItemChange {
  readonly id: string | undefined;
  readonly price: string | undefined;
  readonly quantity: number | undefined;
  readonly isDeleted: boolean;
  /** The names for refusals. */
  readonly params: { readonly id: string; readonly price: string };
}

export const ITEM_PARAMS = ["items[][id]", "items[][price]", "items[][quantity]", "items[][deleted]"] as const;

export function readItemChanges(params: Params): ItemChange[] {
  return params.list("items").map((item) => {
    const id = item.text("id");
    return {
      id,
      price: id === undefined ? item.requiredText("price") : item.text("price"),
      quantity: item.integer("quantity", 1),
      isDeleted: item.flag("deleted") ?? false,
      params: { id: item.nameOf("id"), price: item.nameOf("price") },
    };
  });
}

/** The items after an update: those it says nothing of stay, new ones come last. */
export function changedItems(
  change: Change,
  subscription: StoredSubscription,
  changes: readonly ItemChange[],
): StoredSubscriptionItem[] {
  const items = new Map(subscription.items.data.map((item) => [item.id, item]));
  for (const each of changes) {
    const before = each.id === undefined ? undefined : items.get(each.id);
    if (each.id !== undefined && before === undefined) {
      throw referenceMissing("subscription_item", each.id, each.params.id);
    }
    if (before !== undefined && each.isDeleted) {
      items.delete(before.id);
      continue;
    }
    const item = changedItem(change, subscription, before, each);
    items.set(item.id, item);
  }
  const after = [...items.values()];
  if (after.length === 0) throw invalidRequest("A subscription must keep at least one item.", { param: "items" });
  refuseOtherInterval(subscription, after);
  return after;
}

function changedItem(
  change: Change,
  subscription: StoredSubscription,
  before: StoredSubscriptionItem | undefined,
  { price: given, quantity, params }: ItemChange,
): StoredSubscriptionItem {
  const price = given === undefined ? before?.price : recurringPrice(change, given, params.price);
  if (price === undefined) throw new Error("A new item has a price");
  const period = currentPeriod(subscription);
  const setting = { id: subscription.id, created: before?.created ?? change.now, period };
  return itemObject(setting, {
    id: before?.id,
    price,
    quantity: quantity ?? before?.quantity ?? 1,
    metadata: before?.metadata,
  });
}

/** Stripe begins a new period when the interval changes. */
function refuseOtherInterval(before: StoredSubscription, after: readonly StoredSubscriptionItem[]): void {
  const recurrence = sharedRecurrence(after);
  const former = recurrenceOf(itemOf(before).price);
  if (former?.interval === recurrence.interval && former.count === recurrence.count) return;
  throw notImitated("a change of the interval", "items");
}
