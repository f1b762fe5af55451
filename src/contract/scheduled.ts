import { z } from "zod";
import type { BusinessDate } from "./calendar.ts";
import { businessDateSchema, type OperationKind } from "./operation.ts";
import { reject } from "./rule.ts";
import type { Step } from "./step.ts";

/** The kinds that a date brings, in the order in which each date asks for them. */
export const scheduledKinds = [
  "start",
  "terminate_at_renewal",
  "end_special_period",
  "renew",
  "reserve_by_product_month",
  "release_by_product_month",
] as const satisfies readonly OperationKind[];
export type ScheduledKind = (typeof scheduledKinds)[number];

/**
 * The parameters of what a date brings: the business date whose run asks. It is the rule's "today", whenever a worker gets
 * to it: a run that catches up on forty days asks for each of them in turn, oldest first.
 */
export const scheduledParams = z.strictObject({ date: businessDateSchema });
export type ScheduledParams = z.output<typeof scheduledParams>;

/**
 * The refusal of what has nothing to do on that date: its day has not come, or it has been done already. With `askAgainOn` it is
 * known that nothing will be before that date for the same cause, so that the runs until then do not ask.
 */
export function rejectNotDue(date: BusinessDate, askAgainOn?: BusinessDate): Step {
  return reject("not_due", { date, ...(askAgainOn === undefined ? {} : { askAgainOn }) });
}
