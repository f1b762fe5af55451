import { Stripe } from "stripe";
import { describe, expect, test } from "vitest";
import { classifyFault, type Fault, type GatewayVerb } from "../../../src/stripe/fault.ts";

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
}

const requestId = "req_1";

/** The error that the SDK makes of an error answer. */
function answered({ status, type = "invalid_request_error", code, param }: Answer): Stripe.errors.StripeError {
  return Stripe.errors.StripeError.generate({
    statusCode: status,
    type,
    requestId,
    message: "Charge ch_1 has already been refunded.",
    ...(code === undefined ? {} : { code }),
    ...(param === undefined ? {} : { param }),
  } as Parameters<typeof Stripe.errors.StripeError.generate>[0]);
}

/** The error that the SDK makes when there is no answer. */
function unanswered(networkCode: string | undefined): Stripe.errors.StripeError {
  const detail = Object.assign(new Error("socket"), networkCode === undefined ? {} : { code: networkCode });
  return new Stripe.errors.StripeConnectionError({ message: "no connection", detail } as never);
}

function meaningOf(error: unknown, verb: GatewayVerb = "refundPayment"): string {
  const fault: Fault = classifyFault(error, verb);
  switch (fault.type) {
    case "refused":
      return `refused: ${fault.code}`;
    case "unexplained":
      return `unexplained: ${fault.code} ${fault.httpStatus}`;
    case "not_now":
    case "unknown":
      return `${fault.type}: ${fault.reason}`;
  }
}

describe("an answer of Stripe's means", () => {
  test.each<[string, Answer, string, GatewayVerb?]>([
    ["a charge refunded before", { status: 400, code: "charge_already_refunded" }, "refused: charge_already_refunded"],
    ["more than is left", { status: 400, param: "amount" }, "refused: amount_exceeds_left"],
    ["a disputed charge", { status: 400, code: "charge_disputed" }, "refused: charge_disputed"],
    ["a disputed payment", { status: 400, code: "refund_disputed_payment" }, "refused: charge_disputed"],
    [
      "a charge that cannot be refunded",
      { status: 400, code: "charge_not_refundable" },
      "refused: charge_not_refundable",
    ],
    [
      "an unknown id in the path",
      { status: 404, code: "resource_missing", param: "id" },
      "refused: not_found",
      "cancelSubscription",
    ],
    [
      "an unknown id among the parameters",
      { status: 400, code: "resource_missing", param: "payment_intent" },
      "refused: not_found",
    ],
    [
      "an ended subscription",
      { status: 400, code: "invalid_canceled_subscription_fields" },
      "refused: subscription_ended",
      "setCancelAtPeriodEnd",
    ],
    ["an invoice that is not open", { status: 400 }, "refused: invoice_not_open", "voidInvoice"],
    ["a key that is not valid", { status: 401 }, "not_now: unauthorized"],
    ["a key that may not", { status: 403 }, "not_now: forbidden"],
    ["too many requests", { status: 429, code: "rate_limit" }, "not_now: rate_limited"],
    ["too many requests, without a code", { status: 429 }, "not_now: rate_limited"],
    ["too many requests, as a 400", { status: 400, code: "rate_limit" }, "not_now: rate_limited"],
    ["an object that another request holds", { status: 429, code: "lock_timeout" }, "not_now: lock_timeout"],
    ["a key in use", { status: 409, type: "idempotency_error", code: "idempotency_key_in_use" }, "unknown: conflict"],
    ["an error behind Stripe", { status: 424, type: "api_error" }, "unknown: server_error"],
    ["an error of Stripe's", { status: 500, type: "api_error" }, "unknown: server_error"],
    ["Stripe overloaded", { status: 503, type: "api_error" }, "unknown: server_error"],
    ["an error within a success", { status: 200, type: "api_error" }, "unknown: unreadable_reply"],
    ["a key with other parameters", { status: 400, type: "idempotency_error" }, "unexplained: idempotency_error 400"],
    ["a declined card", { status: 402, type: "card_error", code: "card_declined" }, "unexplained: card_declined 402"],
    [
      "an unknown parameter",
      { status: 400, code: "parameter_unknown", param: "amount" },
      "unexplained: parameter_unknown 400",
    ],
    [
      "a parameter unknown to void",
      { status: 400, code: "parameter_unknown" },
      "unexplained: parameter_unknown 400",
      "voidInvoice",
    ],
    [
      "a balance that is too low",
      { status: 400, code: "balance_insufficient" },
      "refused: balance_insufficient",
      "refundPayment",
    ],
    [
      "funds that are too low",
      { status: 402, type: "card_error", code: "insufficient_funds" },
      "refused: balance_insufficient",
      "refundPayment",
    ],
    [
      "funds that are too low, elsewhere",
      { status: 402, type: "card_error", code: "insufficient_funds" },
      "unexplained: insufficient_funds 402",
      "voidInvoice",
    ],
    ["a refusal without a code", { status: 400 }, "unexplained: invalid_request_error 400"],
    [
      "an amount without a code, elsewhere",
      { status: 400, param: "amount" },
      "unexplained: invalid_request_error 400",
      "setCancelAtPeriodEnd",
    ],
    ["an unknown address", { status: 404 }, "unexplained: invalid_request_error 404"],
    ["a status that nobody has seen", { status: 418, type: "tea" }, "unexplained: tea 418"],
  ])("%s", (_, answer, meaning, verb) => {
    expect(meaningOf(answered(answer), verb)).toBe(meaning);
  });

  test("what it says whatever its message says", () => {
    const misleading = answered({ status: 500, type: "api_error" });

    expect(misleading.message).toContain("already been refunded");
    expect(meaningOf(misleading)).toBe("unknown: server_error");
  });

  test("the same with its request's id, for Stripe's support", () => {
    expect(classifyFault(answered({ status: 401 }), "readInvoice").requestId).toBe(requestId);
    expect(classifyFault(answered({ status: 402 }), "readInvoice").requestId).toBe(requestId);
    expect(classifyFault(unanswered("ECONNRESET"), "readInvoice").requestId).toBeNull();
  });
});

describe("no answer, or none that can be read, means", () => {
  test.each<[string | undefined, string]>([
    ["ECONNREFUSED", "not_now: unreachable"],
    ["ENOTFOUND", "not_now: unreachable"],
    ["EAI_AGAIN", "not_now: unreachable"],
    ["TOO_MANY_WAITING", "not_now: rate_limited"],
    ["TOO_LATE_TO_SEND", "not_now: process_paused"],
    ["ETIMEDOUT", "unknown: timeout"],
    ["ECONNRESET", "unknown: connection_lost"],
    ["EPIPE", "unknown: connection_lost"],
    ["EHOSTUNREACH", "unknown: connection_lost"],
    ["CERT_HAS_EXPIRED", "unknown: connection_lost"],
    [undefined, "unknown: connection_lost"],
  ])("after %s: %s", (networkCode, meaning) => {
    expect(meaningOf(unanswered(networkCode))).toBe(meaning);
  });

  test("after something that is not JSON: unknown, whatever its status was", () => {
    const error = new Stripe.errors.StripeAPIError({ message: "Invalid JSON received from the Stripe API" } as never);

    expect(meaningOf(error)).toBe("unknown: unreadable_reply");
  });
});

test.each([new TypeError("a mistake of ours"), "a string", undefined])(
  "%s is no answer of Stripe's and is thrown on as it is",
  (thrown) => {
    let caught: unknown = "nothing";
    try {
      classifyFault(thrown, "readInvoice");
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(thrown);
  },
);
