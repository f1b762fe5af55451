import type { Reply } from "./call.ts";
import { StripeRefusal } from "./errors.ts";
import type { Fault } from "./fault-rule.ts";

/** Throws what a fault puts before Stripe's key layer: nothing of it is stored, nothing is executed. */
export function refuseByFault(fault: Fault | undefined): void {
  if (fault?.mode === "status_401") {
    throw new StripeRefusal(401, { type: "invalid_request_error", message: "Invalid API Key provided: sk_test_****" });
  }
  if (fault?.mode === "status_403") {
    throw new StripeRefusal(403, {
      type: "invalid_request_error",
      message: "The provided key does not have the permissions that this endpoint requires.",
    });
  }
  if (fault?.mode === "rate_limit_429") throw rateLimited(fault.reason, shouldRetry(fault.shouldRetry));
  if (fault?.mode === "lock_timeout_429") throw lockTimeout(shouldRetry(fault.shouldRetry));
}

/** The refusal of a request whose object another one is at work on. */
export function lockTimeout(headers: Record<string, string> = {}): StripeRefusal {
  return new StripeRefusal(
    429,
    {
      type: "invalid_request_error",
      code: "lock_timeout",
      message: "This object cannot be accessed now: another request, or a process of Stripe's, is at work on it.",
    },
    headers,
  );
}

/** The limiter's refusal, which names itself in a header. */
export function rateLimited(reason: string, headers: Record<string, string> = {}): StripeRefusal {
  return new StripeRefusal(
    429,
    { type: "invalid_request_error", code: "rate_limit", message: "Request rate limit exceeded." },
    { ...headers, "stripe-rate-limited-reason": reason },
  );
}

export function serverError(fault: Fault & { mode: "stored_500" }): StripeRefusal {
  return new StripeRefusal(
    500,
    { type: "api_error", message: "An unknown error occurred." },
    shouldRetry(fault.shouldRetry),
  );
}

/** What a proxy in front of Stripe sends: not JSON, and none of Stripe's headers is to be relied on. */
export function htmlOf502(): Reply {
  return {
    status: 502,
    body: "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n",
    contentType: "text/html",
    headers: {},
    isReplayed: false,
  };
}

function shouldRetry(value: boolean | undefined): Record<string, string> {
  return value === undefined ? {} : { "stripe-should-retry": String(value) };
}
