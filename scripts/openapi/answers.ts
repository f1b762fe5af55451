import { idReused, invalidRequest, Problem, type ProblemCode, problems, unavailable } from "../../src/http/problem.ts";
import { type BodyName, bodies } from "./bodies.ts";

/** JSON of a body in the document, with examples that its schema was held against. */
export function content(name: BodyName, shown: Readonly<Record<string, unknown>> = {}) {
  for (const [title, value] of Object.entries(shown)) {
    const checked = bodies[name].safeParse(value);
    if (!checked.success) throw new Error(`example ${title} is no ${name}: ${checked.error.message}`);
  }
  const examples = Object.fromEntries(Object.entries(shown).map(([title, value]) => [title, { value }]));
  const type = name === "Problem" ? "application/problem+json" : "application/json";
  return {
    [type]: {
      schema: { $ref: `#/components/schemas/${name}` },
      ...(Object.keys(shown).length === 0 ? {} : { examples }),
    },
  };
}

const requestIdHeader = { $ref: "#/components/headers/RequestId" };

/** An answer with a body. */
export function answer(description: string, name: BodyName, shown: Readonly<Record<string, unknown>> = {}) {
  return { description, headers: { "x-request-id": requestIdHeader }, content: content(name, shown) };
}

/** The example of each problem; for those that are shown with what they are about, as the API makes them. */
function exampleOf(code: ProblemCode): Problem {
  if (code === "invalid_request")
    return invalidRequest("contractId", "must be 1 to 64 letters, digits, '.', '_' or '-'");
  if (code === "id_reused") return idReused("id", "was used before by a request with other content");
  if (code === "unavailable") return unavailable("The database");
  return new Problem(code, { detail: `${problems[code].title}.`, remedy: remedies[code] });
}

const remedies: Readonly<Record<Exclude<ProblemCode, "invalid_request" | "id_reused" | "unavailable">, string>> = {
  invalid_json: "Send one JSON object in UTF-8.",
  unauthorized: "Send a token of the server's API_TOKENS as Authorization: Bearer ….",
  actor_not_allowed: "Leave the actor out; only a service asks for others.",
  route_not_found: "The paths are told by schemas/openapi.json.",
  operation_not_found: "Check the id. A request that only a queue has taken is not in the ledger yet.",
  contract_not_found: "Check the id, or register the contract first.",
  method_not_allowed: "It knows GET, HEAD, OPTIONS.",
  contract_deleted: "GET /operations/{operationId} tells what that did.",
  body_too_large: "Send less: no request of keiyaku needs as much.",
  unsupported_media_type: "Send it with content-type: application/json and without a content-encoding.",
  answer_unexplained: "Look at the contract's objects at Stripe.",
  internal_error: "Tell the operators the requestId. Sending the same request again is safe.",
};

/** The answers of these problems, those of one status together. */
export function refusals(...codes: readonly ProblemCode[]): Record<string, unknown> {
  const statuses = [...new Set(codes.map((code) => problems[code].status))].toSorted((a, b) => a - b);
  return Object.fromEntries(statuses.map((status) => [String(status), refusal(status, codes)]));
}

function refusal(status: number, codes: readonly ProblemCode[]) {
  const those = codes.filter((code) => problems[code].status === status);
  const shown = those.map((code) => [code, exampleOf(code).body("01a21d96-a92b-77d7-b0c4-52a40ebaf6ef")] as const);
  const headers = {
    "x-request-id": requestIdHeader,
    ...(status === 503 ? { "retry-after": { $ref: "#/components/headers/RetryAfter" } } : {}),
  };
  const description = those.map((code) => `\`${code}\`: ${problems[code].title}.`).join(" ");
  return { description, headers, content: content("Problem", Object.fromEntries(shown)) };
}
