import { firstIssueOf } from "../contract/first-issue.ts";
import type { Unreadable } from "../store/unreadable.ts";
import { type Delivery, deliveryPayloadSchema, eventJobs } from "./payloads.ts";
import { unreadable } from "./read-payload.ts";

/** What a job of the queue `stripe-events` carried: a delivery, verified by nobody yet, or something else. */
export type ReadDelivery =
  | { readonly type: "delivery"; readonly delivery: Delivery }
  | { readonly type: "unreadable"; readonly field: string; readonly problem: string };

/** Reads a job of the queue `stripe-events` that anybody may have written. */
export function readDelivery(name: string, data: unknown): ReadDelivery {
  if (name !== eventJobs.delivery) {
    return { type: "unreadable", field: "job name", problem: `must be ${eventJobs.delivery}` };
  }
  const parsed = deliveryPayloadSchema.safeParse(data);
  if (!parsed.success) {
    const { path, problem } = firstIssueOf(parsed.error);
    // A key that nobody knows may be anything.
    const field = Object.keys(deliveryPayloadSchema.shape).find((known) => known === path[0]) ?? "payload";
    return { type: "unreadable", field, problem };
  }
  const { body, signature } = parsed.data;
  return { type: "delivery", delivery: { body, signature } };
}

/** What is written down of a delivery that is refused: its fingerprint and its size, and nothing of what Stripe knows. */
export function refusedDelivery(data: unknown, field: string, problem: string): Unreadable {
  return { ...unreadable(data, field, problem, { requestId: null }), contractId: null, content: "" };
}
