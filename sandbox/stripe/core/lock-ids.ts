import type { Collections } from "./collections.ts";
import type { FormMap } from "./form.ts";
import { type ObjectKind, type StoredObjects, subscriptionOf } from "./stored.ts";

/** The parameters that name what a creation works on, by the kind that it creates. */
const WORKED_ON: Partial<Record<ObjectKind, readonly ("customer" | "charge" | "payment_intent")[]>> = {
  subscription: ["customer"],
  payment_method: ["customer"],
  refund: ["charge", "payment_intent"],
};

/**
 * The ids that a request locks which changes the object of this id, or creates one: of a subscription or an invoice, its
 * customer too; of a refund, the charge and its PaymentIntent.
 */
export function lockIdsOf(objects: Collections, kind: ObjectKind, id: string, params: FormMap): string[] {
  const changed = [objects[kind].get(id)];
  for (const name of WORKED_ON[kind] ?? []) {
    const named = params[name];
    if (typeof named === "string") changed.push(objects[name].get(named));
  }
  return [...new Set(changed.flatMap((object) => (object === undefined ? [] : idsWith(object))))];
}

function idsWith(object: StoredObjects[ObjectKind]): string[] {
  if (object.object === "subscription") return [object.id, object.customer];
  if (object.object === "invoice") return present(object.id, subscriptionOf(object), object.customer);
  if (object.object === "refund") return [object.charge, object.payment_intent];
  if (object.object === "charge") return [object.id, object.payment_intent];
  return object.object === "payment_intent" ? present(object.id, object.latest_charge) : [object.id];
}

function present(...ids: (string | null)[]): string[] {
  return ids.filter((id) => id !== null);
}
