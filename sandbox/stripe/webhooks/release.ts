import { z } from "zod";
import type { Delivery } from "./delivery.ts";

/** In what order held deliveries go out. */
export const releaseSchema = z.strictObject({
  order: z.enum(["as_made", "reversed"]).default("as_made"),
  /** Types that go before all others, in this order: a `deleted` before the `payment_failed` that caused it. */
  first: z.array(z.string().min(1)).default([]),
});

export type ReleaseInput = z.input<typeof releaseSchema>;
export type Release = z.output<typeof releaseSchema>;

export function released(held: readonly Delivery[], { order, first }: Release): Delivery[] {
  const ordered = order === "reversed" ? held.toReversed() : [...held];
  const rankOf = ({ event }: Delivery) => (first.includes(event.type) ? first.indexOf(event.type) : first.length);
  return ordered.toSorted((a, b) => rankOf(a) - rankOf(b));
}
