import { testClockOf } from "../objects/customer.ts";
import type { Change } from "./change.ts";

/** The test clock of a customer, or null for one who lives on the stand-in's own clock, and for no customer. */
export function clockOfCustomer({ objects }: Pick<Change, "objects">, id: string | null): string | null {
  const customer = id === null ? undefined : objects.customer.get(id);
  return customer === undefined ? null : testClockOf(customer);
}

/** Dates what follows by the clock of the customer whom it concerns. */
export function followClockOf(change: Change, customer: string | null): void {
  const id = clockOfCustomer(change, customer);
  const clock = id === null ? undefined : change.objects["test_helpers.test_clock"].get(id);
  if (clock !== undefined) change.moveTo(clock.frozen_time);
}
