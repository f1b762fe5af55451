/** An error as Stripe writes it into the body of an answer. */
export interface WireError {
  type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  message: string;
  code?: string;
  decline_code?: string;
  param?: string;
  charge?: string;
  payment_intent?: unknown;
}

export interface RefusalDetails {
  code?: string | undefined;
  param?: string | undefined;
}

/**
 * A request that Stripe would refuse.
 *
 * *Thrown* by an endpoint it means that nothing happened: whatever the endpoint had changed is taken back. *Returned*
 * by an endpoint it means that the answer is an error although its effects stand, as when a card is declined.
 */
export class StripeRefusal extends Error {
  readonly status: number;
  readonly error: WireError;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: WireError, headers: Readonly<Record<string, string>> = {}) {
    super(error.message);
    this.name = "StripeRefusal";
    this.status = status;
    this.error = error;
    this.headers = headers;
  }
}

/** 400 `invalid_request_error`. Without a code where Stripe gives none: the absence is part of the imitation. */
export function invalidRequest(message: string, details: RefusalDetails = {}): StripeRefusal {
  return refusal(400, message, details);
}

/** 404 `resource_missing`. The name of the parameter differs by endpoint, so the caller gives it. */
export function resourceMissing(noun: string, id: string, param: string): StripeRefusal {
  return refusal(404, `No such ${noun}: '${id}'`, { code: "resource_missing", param });
}

/** 400 `resource_missing`: an id inside the parameters of another object's request. */
export function referenceMissing(noun: string, id: string, param: string): StripeRefusal {
  return invalidRequest(`No such ${noun}: '${id}'`, { code: "resource_missing", param });
}

/** 400 for what Stripe can do and this stand-in cannot. Says so, since a silent difference would mislead a test. */
export class NotImitated extends StripeRefusal {}

export function notImitated(what: string, param?: string): NotImitated {
  return new NotImitated(400, {
    type: "invalid_request_error",
    message: `The stand-in does not imitate ${what}.`,
    ...(param === undefined ? {} : { param }),
  });
}

export function refusal(status: number, message: string, details: RefusalDetails = {}): StripeRefusal {
  return new StripeRefusal(status, {
    type: "invalid_request_error",
    message,
    ...(details.code === undefined ? {} : { code: details.code }),
    ...(details.param === undefined ? {} : { param: details.param }),
  });
}

/** The body of an error answer. `doc_url` comes with a code and only then. */
export function errorBody(error: WireError, requestId: string): { error: Record<string, unknown> } {
  return {
    error: {
      ...(error.code === undefined
        ? {}
        : { doc_url: `https://stripe.com/docs/error-codes/${error.code.replaceAll("_", "-")}` }),
      ...error,
      request_log_url: `https://dashboard.stripe.com/test/logs/${requestId}`,
    },
  };
}
