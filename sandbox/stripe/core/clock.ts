import { testClockOf } from "../objects/customer.ts";
import type { Change } from "./change.ts";
import type { ObjectKind, StoredObjects } from "./stored.ts";

/** The test clock of a customer, or null for one who lives on the stand-in's own clock, and for no customer. */
export function clockOfCustomer({ objects }: Pick<Change, "objects">, id: string | null): string | null {
  const customer = id === null ? undefined : objects.customer.get(id);
  return customer === undefined ? null : testClockOf(customer);
}

/** The customer whom an object concerns, or null for one that concerns nobody in particular. */
export function customerOf({ objects }: Pick<Change, "objects">, object: StoredObjects[ObjectKind]): string | null {
  if (object.object === "customer") return object.id;
  if (object.object === "invoice_payment") return objects.invoice.get(object.invoice)?.customer ?? null;
  if (object.object === "refund" || object.object === "dispute") {
    return objects.charge.get(object.charge)?.customer ?? null;
  }
  return "customer" in object && typeof object.customer === "string" ? object.customer : null;
}

/** Dates what follows by the clock of the customer whom it concerns. */
export function followClockOf(change: Change, customer: string | null): void {
  const id = clockOfCustomer(change, customer);
  const clock = id === null ? undefined : change.objects["test_helpers.test_clock"].get(id);
  if (clock !== undefined) change.moveTo(clock.frozen_time);
}
