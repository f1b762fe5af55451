import { z } from "zod";
import { customerPutSchema, productPutSchema } from "../../src/contract/cataloging.ts";
import { type OperationKind, operationRequestSchema } from "../../src/contract/operation.ts";
import { requestableKinds, ruleOf } from "../../src/contract/operations/index.ts";
import {
  acceptanceSchema,
  acceptedOperationSchema,
  contractButtonsSchema,
  contractHistorySchema,
  operationSchema,
  planSchema,
  problemSchema,
  putAnswerSchema,
} from "../../src/http/api-schemas.ts";

/** The request of one kind, with its own parameters. They may be left out where none of them is needed. */
const requestOfKind = (kind: OperationKind) => {
  const { button, summary, params } = ruleOf(kind);
  return operationRequestSchema
    .extend({
      kind: z.literal(kind),
      actor: operationRequestSchema.shape.actor
        .optional()
        .describe("The token's own, unless a service names a customer."),
      params: params.safeParse({}).success ? params.optional() : params,
    })
    .describe(`${button.ja} (${button.en}): ${summary.en}`);
};

const [first, ...others] = requestableKinds.map(requestOfKind);
if (first === undefined) throw new Error("Nobody may ask for anything.");
const requestSchema = z
  .discriminatedUnion("kind", [first, ...others])
  .describe("What shall become true of a contract. The id is the requester's own, and the idempotency key.");

/** Every body of the document, by its name there. */
export const bodies = {
  OperationRequest: requestSchema,
  Acceptance: acceptanceSchema,
  AcceptedOperation: acceptedOperationSchema,
  Operation: operationSchema,
  ContractHistory: contractHistorySchema,
  Plan: planSchema,
  ContractButtons: contractButtonsSchema,
  Product: productPutSchema.partial({ id: true }),
  Customer: customerPutSchema.partial({ id: true }),
  PutAnswer: putAnswerSchema,
  Problem: problemSchema,
} as const satisfies Record<string, z.ZodType>;
export type BodyName = keyof typeof bodies;

/** The components of the document: JSON Schemas, which refer to each other where one is part of another. */
export function componentSchemas(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(bodies)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io: "input",
    unrepresentable: "any",
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    // The document is of one dialect, and names its parts itself.
    Object.entries(schemas).map(([name, schema]) => [name, { ...schema, $schema: undefined, $id: undefined }]),
  );
}
