import type { Fault } from "../stripe/fault.ts";

/** Why Stripe's events could not be listed, and what to do about it. */
export interface WhyNotListed {
  /** Stable, and meant for programs: the gateway's word. */
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
  /** Whether it ends by itself, so that trying again later is all there is to do. */
  readonly passes: boolean;
}

/** Puts a fault of listing events into sentences. */
export function whyNotListed(fault: Fault): WhyNotListed {
  if (fault.type === "unknown") {
    const sentence = `Stripe gave no answer that could be read when its events were listed (${fault.reason}).`;
    return { code: fault.reason, sentence, remedy: wayRemedy, passes: true };
  }
  if (fault.type !== "not_now") {
    return {
      code: fault.code,
      sentence: `Stripe refuses to list events, for a reason that has no meaning here yet (${fault.code}).`,
      remedy: `Look at the request ${fault.requestId ?? ""} in Stripe's dashboard, under Developers → Logs.`,
      passes: false,
    };
  }
  const { reason } = fault;
  switch (reason) {
    case "unauthorized":
      return {
        code: reason,
        sentence: "Stripe does not accept the key (401), so that its events cannot be listed.",
        remedy: "Set STRIPE_SECRET_KEY to a key of the right account that is not revoked, and restart the workers.",
        passes: false,
      };
    case "forbidden":
      return {
        code: reason,
        sentence: "Stripe does not permit the key to list events (403).",
        remedy: "Give the restricted key read access to events, in Stripe's dashboard under Developers → API keys.",
        passes: false,
      };
    case "unreachable":
    case "process_paused":
      return {
        code: reason,
        sentence: "Stripe cannot be reached, so that its events cannot be listed.",
        remedy: wayRemedy,
        passes: true,
      };
    case "rate_limited":
    case "lock_timeout":
      return {
        code: reason,
        sentence: `Stripe says that too much is asked of it now (${reason}), so that its events cannot be listed.`,
        remedy: "Lower STRIPE_LIMIT_SHARE if it stays, or find out who else uses up the account's limit.",
        passes: true,
      };
  }
}

const wayRemedy = "Check the way to api.stripe.com and status.stripe.com.";
