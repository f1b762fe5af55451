import { answer, content, refusals } from "./answers.ts";
import type { BodyName } from "./bodies.ts";
import { examples } from "./examples.ts";

const always = ["unauthorized", "internal_error", "unavailable"] as const;
const ofBodies = ["invalid_json", "invalid_request", "body_too_large", "unsupported_media_type"] as const;
const timedOut = { "408": { description: "The request did not arrive whole within 15 seconds. Without a body." } };

function bodyOf(name: BodyName, example: unknown) {
  return { required: true, content: content(name, { example }) };
}

const idForm = { type: "string", pattern: "^[A-Za-z0-9._-]{1,64}$" };
const idInPath = [{ name: "id", in: "path", required: true, schema: idForm }];

function accepted(description: string, shown: Readonly<Record<string, unknown>>) {
  const { headers, ...rest } = answer(description, "Acceptance", shown);
  return { ...rest, headers: { ...headers, location: { $ref: "#/components/headers/Location" } } };
}

/** Every path of the API, with every method and every answer. */
export const paths = {
  "/operations": {
    post: {
      operationId: "requestOperation",
      summary: "Request an operation",
      description:
        "Accepts the request into the ledger at once. Repeating it is safe: the same id with the same content is the same operation.",
      requestBody: bodyOf("OperationRequest", examples.request),
      responses: {
        "200": accepted("It was accepted before.", { duplicate: examples.duplicate }),
        "201": accepted("The ledger has it. The workers carry it out.", { accepted: examples.accepted }),
        ...refusals(...ofBodies, "actor_not_allowed", "id_reused", ...always),
        ...timedOut,
      },
    },
  },
  "/operations/{id}": {
    parameters: idInPath,
    get: {
      operationId: "getOperation",
      summary: "Look at an operation, or wait for it",
      description:
        "With `wait` it answers as soon as the operation is final or held, at the latest after so many seconds; at once, as it stands, while too many others wait.",
      parameters: [
        {
          name: "wait",
          in: "query",
          description: "Seconds.",
          schema: { type: "integer", minimum: 0, maximum: 60, default: 0 },
        },
      ],
      responses: {
        "200": answer("The operation as it stands.", "Operation", {
          succeeded: examples.succeeded,
          rejected: examples.rejected,
        }),
        ...refusals("invalid_request", "operation_not_found", ...always),
      },
    },
  },
  "/previews": {
    post: {
      operationId: "previewOperation",
      summary: "Ask what an operation would do",
      description: "Takes what POST /operations takes, looks at Stripe, and changes nothing.",
      requestBody: bodyOf("OperationRequest", examples.request),
      responses: {
        "200": answer("The plan, also of a request that would be rejected.", "Plan", { plan: examples.plan }),
        ...refusals(...ofBodies, "actor_not_allowed", "answer_unexplained", ...always),
        ...timedOut,
      },
    },
  },
  "/contracts/{id}": {
    parameters: idInPath,
    get: {
      operationId: "getContract",
      summary: "Look at a contract",
      responses: {
        "200": answer(
          "The contract with its history, without its customer's name and mail. Reasons are shown as they were given.",
          "ContractHistory",
          {
            contract: examples.contract,
          },
        ),
        ...refusals("contract_not_found", "contract_deleted", ...always),
      },
    },
  },
  "/contracts/{id}/buttons": {
    parameters: idInPath,
    get: {
      operationId: "listButtons",
      summary: "Ask which operations a contract offers now, and why not the others",
      description: "Of what remains of a deleted contract as well.",
      parameters: [
        {
          name: "customer",
          in: "query",
          description: "The customer for whom a service asks; the token's own actor unless given.",
          schema: idForm,
        },
      ],
      responses: {
        "200": answer("Every kind, offered or not.", "ContractButtons", { buttons: examples.buttons }),
        ...refusals("invalid_request", "actor_not_allowed", "contract_not_found", ...always),
      },
    },
  },
  "/products/{id}": { parameters: idInPath, put: put("Product", examples.product) },
  "/customers/{id}": { parameters: idInPath, put: put("Customer", examples.customer) },
};

function put(name: "Product" | "Customer", example: unknown) {
  return {
    operationId: `put${name}`,
    summary: `Make a ${name.toLowerCase()} known, or update it`,
    requestBody: bodyOf(name, example),
    responses: {
      "200": answer("It was known: updated, or ignored as not newer.", "PutAnswer", { put: examples.put }),
      "201": answer("It was not known before.", "PutAnswer", { put: { answer: "created", version: 1 } }),
      ...refusals(...ofBodies, ...always),
      ...timedOut,
    },
  };
}
