import { explainRejection } from "../contract/rejection.ts";
import type { EventRefusal } from "../stripe/verify-event.ts";

/** Every problem that the API answers, with its HTTP status and its title. The code is stable and meant for programs. */
export const problems = {
  invalid_json: { status: 400, title: "The body is not JSON" },
  invalid_request: { status: 400, title: "The request is not valid" },
  unauthorized: { status: 401, title: "A bearer token is missing or not known" },
  actor_not_allowed: { status: 403, title: "The token does not speak for this actor" },
  route_not_found: { status: 404, title: "There is nothing at this path" },
  operation_not_found: { status: 404, title: "There is no such operation" },
  contract_not_found: { status: 404, title: "There is no such contract" },
  method_not_allowed: { status: 405, title: "The path does not know this method" },
  id_reused: { status: 409, title: "The id was used before by a request with other content" },
  contract_deleted: { status: 410, title: "The contract has been deleted" },
  body_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body must be application/json" },
  internal_error: { status: 500, title: "Something went wrong that nobody expected" },
  answer_unexplained: { status: 502, title: "Stripe gave an answer that has no meaning here yet" },
  unavailable: { status: 503, title: "It cannot be done now" },
} as const;

export type ProblemCode = keyof typeof problems;

/** The problems that only the relay answers: why what was sent is no event of ours. */
const relayProblems = {
  signature_invalid: { status: 400, title: "The signature is missing or does not fit" },
  signature_expired: { status: 400, title: "The signature is too old" },
  signature_ahead: { status: 400, title: "The signature is dated in the future" },
  event_invalid: { status: 400, title: "The body is not an event that is taken here" },
  wrong_mode: { status: 400, title: "The event is of the other mode, live or test" },
  wrong_account: { status: 400, title: "The event is of another account" },
} as const satisfies Record<EventRefusal, unknown>;

const allProblems = { ...problems, ...relayProblems };

/** What a problem tells beside its code. None of it carries personal data or what was sent. */
export interface ProblemDetail {
  /** What is wrong, in a sentence. */
  readonly detail: string;
  /** What the caller can do about it, in a sentence. */
  readonly remedy: string;
  /** The field that is at fault, such as `params.paidPeriods.0`. */
  readonly field?: string;
  /** The same for people, in both languages. */
  readonly sentences?: { readonly ja: string; readonly en: string };
  /** Of a deleted contract: the operation that deleted it. */
  readonly operationId?: string;
}

/** A request that is answered by a problem, whoever finds out. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: keyof typeof allProblems;
  readonly about: ProblemDetail;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: Problem["code"], about: ProblemDetail, headers: Readonly<Record<string, string>> = {}) {
    super(about.detail);
    this.code = code;
    this.about = about;
    this.headers = headers;
  }

  /** The body of the answer, as RFC 9457 has it. */
  body(requestId: string): Readonly<Record<string, unknown>> {
    const { status, title } = allProblems[this.code];
    return { type: `urn:keiyaku:problem:${this.code}`, title, status, code: this.code, ...this.about, requestId };
  }

  toResponse(requestId: string): Response {
    return new Response(JSON.stringify(this.body(requestId)), {
      status: allProblems[this.code].status,
      headers: { ...this.headers, "content-type": "application/problem+json" },
    });
  }
}

/** A field of the request that is not as it must be. */
export function invalidRequest(field: string, problem: string): Problem {
  return new Problem("invalid_request", {
    detail: `${field} ${problem}.`,
    remedy: "Correct the field and send the request again; nothing was accepted.",
    field,
    sentences: sentencesOf("invalid_request", field, problem),
  });
}

/** An id under which other content was accepted before. */
export function idReused(field: string, problem: string): Problem {
  return new Problem("id_reused", {
    detail: `${field} ${problem}.`,
    remedy: "Send the new request under an id of its own; the first one stands as it is.",
    field,
    sentences: sentencesOf("id_reused", field, problem),
  });
}

/** What cannot be done at this moment. Nobody knows whether anything was done; asking again is always safe. */
export function unavailable(what: string): Problem {
  return new Problem(
    "unavailable",
    { detail: `${what} does not answer.`, remedy: "Send the same request again after the time in Retry-After." },
    { "retry-after": String(retryAfterS) },
  );
}

/** A restart of a database takes some seconds; clients that all come back at once would not make it faster. */
const retryAfterS = 2;

function sentencesOf(code: "invalid_request" | "id_reused", field: string, problem: string) {
  const rejection = { code, detail: { field, problem } };
  return { ja: explainRejection(rejection, "ja"), en: explainRejection(rejection, "en") };
}
