import type { Logger } from "pino";
import type { ArrivedBy } from "../store/take-in-events.ts";
import type { StripeEvent } from "../stripe/events.ts";
import { stripeApiVersion } from "../stripe/stripe-gateway.ts";

/** In whose API version an event is written: the one that is read here, or another. */
export const eventVersions = ["ours", "other"] as const;
export type EventVersion = (typeof eventVersions)[number];

/**
 * Makes what is told of each event that came by one way. An endpoint fixes the API version of what it is sent, and the account
 * that of what it lists; the first event of each version other than ours is told in the log. It is applied all the same: an
 * event is a hint, and the objects are read in our version.
 */
export function watchVersions(
  log: Pick<Logger, "warn">,
  way: ArrivedBy,
  counted?: (version: EventVersion) => void,
): (event: Pick<StripeEvent, "apiVersion">) => void {
  const told = new Set<string>([stripeApiVersion]);
  return ({ apiVersion }) => {
    counted?.(apiVersion === stripeApiVersion ? "ours" : "other");
    if (told.has(apiVersion)) return;
    told.add(apiVersion);
    const facts = { way, apiVersion, expected: stripeApiVersion };
    log.warn(facts, "Stripe's events come in another API version than the one that is read here");
  };
}
