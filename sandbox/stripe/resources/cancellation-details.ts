import type { Params } from "../core/params.ts";
import type { StoredSubscription } from "../core/stored.ts";

export const CANCELLATION_PARAMS = ["cancellation_details[comment]", "cancellation_details[feedback]"] as const;

const FEEDBACK = [
  "customer_service",
  "low_quality",
  "missing_features",
  "other",
  "switched_service",
  "too_complex",
  "too_expensive",
  "unused",
] as const;

/** What a request says about why; only what it mentions. */
export function readCancellationDetails(params: Params): Partial<StoredSubscription["cancellation_details"]> {
  const details = params.map("cancellation_details");
  const comment = details.textOrUnset("comment");
  const feedback = details.oneOf("feedback", FEEDBACK);
  return {
    ...(comment === undefined ? {} : { comment }),
    ...(details.has("feedback") ? { feedback: feedback ?? null } : {}),
  };
}
