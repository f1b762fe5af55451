import { z } from "zod";
import { operationKinds, operationRequestSchema, requestingActorTypes } from "../../src/contract/operation.ts";
import { ruleOf } from "../../src/contract/operations/index.ts";
import { customerSchema, productSchema } from "../../src/contract/registering.ts";
import {
  acceptanceSchema,
  acceptedOperationSchema,
  contractHistorySchema,
  operationSchema,
  problemSchema,
  putAnswerSchema,
} from "../../src/http/api-schemas.ts";

/** The kinds that a person or a service may ask for: the others come through no door. */
export const requestableKinds = operationKinds.filter((kind) =>
  ruleOf(kind).actors.some((actor) => (requestingActorTypes as readonly string[]).includes(actor)),
);

/** The request of one kind, with its own parameters. They may be left out where none of them is needed. */
const requestOfKind = (kind: (typeof operationKinds)[number]) => {
  const { button, params } = ruleOf(kind);
  return operationRequestSchema
    .extend({
      kind: z.literal(kind),
      actor: operationRequestSchema.shape.actor
        .optional()
        .describe("The token's own, unless a service names a customer."),
      params: params.safeParse({}).success ? params.optional() : params,
    })
    .describe(`${button.ja} (${button.en})`);
};

const [first, ...others] = requestableKinds.map(requestOfKind);
if (first === undefined) throw new Error("Nobody may ask for anything.");
const requestSchema = z
  .discriminatedUnion("kind", [first, ...others])
  .describe("What shall become true of a contract. The id is the requester's own, and the idempotency key.");

const version = z
  .int()
  .min(1)
  .describe("The producer's own. An update that is not newer than what is known is ignored.");

/** Every body of the document, by its name there. */
export const bodies = {
  OperationRequest: requestSchema,
  Acceptance: acceptanceSchema,
  AcceptedOperation: acceptedOperationSchema,
  Operation: operationSchema,
  ContractHistory: contractHistorySchema,
  Preview: z.looseObject({}).describe("What the operation would do, or why it would be rejected."),
  Buttons: z.looseObject({}).describe("For every kind whether the contract offers it now, and why not the others."),
  Product: productSchema.omit({ id: true }).extend({ version }),
  Customer: customerSchema.omit({ id: true }).extend({ version }),
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
    Object.entries(schemas).map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema]),
  );
}
