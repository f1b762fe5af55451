import { z } from "zod";
import { customerPutSchema, productPutSchema } from "../../src/contract/cataloging.ts";
import { type OperationKind, operationRequestSchema } from "../../src/contract/operation.ts";
import { requestableKinds, ruleOf } from "../../src/contract/operations/index.ts";
import { customerSchema, productSchema, registerParams } from "../../src/contract/registering.ts";
import { catalogPayloadSchemas, deliveryPayloadSchema, payloadVersion } from "../../src/queue/payloads.ts";

/** A JSON Schema, draft 2020-12, as plain data. */
export type JsonSchema = { readonly description?: string; readonly [key: string]: unknown };

/**
 * The name of a schema, unique and not an address: nothing has to be fetched, and nobody's host is claimed. It changes
 * with the version of the payloads alone.
 */
export function schemaId(name: string): string {
  return `urn:keiyaku:schema:v${payloadVersion}:${name}`;
}

/** Every payload that crosses a door, by the path of its file in `schemas/` without `.schema.json`. */
export function payloadSchemas(): ReadonlyMap<string, JsonSchema> {
  return new Map<string, JsonSchema>([
    ["operation-request", operationRequest()],
    ...requestableKinds.map((kind) => [`params/${kind}`, paramsOf(kind)] as const),
    ["request-job", requestJob()],
    ["catalog-product-job", catalogJob("product")],
    ["catalog-customer-job", catalogJob("customer")],
    ["stripe-event-job", stripeEventJob()],
    ["import-line", importLine()],
  ]);
}

/** Readable, and as strict as the one that zod writes but for the days of the months: those `format` says. */
const instantPattern = "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})$";

/** What a producer writes, not what a reader makes of it: what has a default may be left out. */
function inputSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...written } = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema }) => {
      if (jsonSchema.format === "date-time") jsonSchema.pattern = instantPattern;
    },
  });
  return written;
}

function named(name: string, title: string, schema: JsonSchema): JsonSchema {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", $id: schemaId(name), title, ...schema };
}

function operationRequest(): JsonSchema {
  const { $defs: _, properties, ...envelope } = inputSchema(operationRequestSchema);
  const { kind, params, ...others } = properties as Record<string, JsonSchema>;
  return named("operation-request", "A request to carry out an operation", {
    description:
      "As every door takes it. At most 64 KiB as JSON; no key and no text with a NUL or half of a surrogate pair. Kinds that only the calendar or Stripe ask for are left out: a request for one is rejected. What the schema cannot say, such as whether a date exists or whether terms contradict each other, is judged when the operation's turn comes.",
    ...envelope,
    properties: {
      ...others,
      kind: { ...kind, enum: requestableKinds },
      params: { type: "object", description: `${params?.description ?? ""} Nested less than 20 levels deep.` },
    },
    allOf: requestableKinds.map(paramsIfKind),
  });
}

/** The parameters that a kind takes; they may be left out where nothing of them is needed. */
function paramsIfKind(kind: OperationKind): JsonSchema {
  const needsParams = !ruleOf(kind).params.safeParse({}).success;
  const whenAsked = {
    properties: { params: { $ref: schemaId(`params:${kind}`) } },
    ...(needsParams ? { required: ["params"] } : {}),
  };
  return {
    if: { properties: { kind: { const: kind } }, required: ["kind"] },
    // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's word, and no promise
    then: whenAsked, // oxlint-disable-line unicorn/no-thenable
  };
}

function paramsOf(kind: OperationKind): JsonSchema {
  const { actors, button, params } = ruleOf(kind);
  const { description, ...schema } = inputSchema(params);
  const whoMayAsk = `May be asked for by: ${actors.join(", ")}.`;
  return named(`params:${kind}`, `Parameters of ${kind} (${button.ja}; ${button.en})`, {
    description: description === undefined ? whoMayAsk : `${description} ${whoMayAsk}`,
    ...schema,
  });
}

function requestJob(): JsonSchema {
  return named("request-job", "A job `request` of the queue operations", {
    description:
      "The data of a job that carries a request. In the queue it is merely queued; accepted, and so to be carried out, it is once a worker has written it into the ledger.",
    type: "object",
    properties: {
      v: { const: payloadVersion, description: "The version of the payload." },
      request: { $ref: schemaId("operation-request") },
    },
    required: ["v", "request"],
  });
}

function catalogJob(job: keyof typeof catalogPayloadSchemas): JsonSchema {
  return named(`catalog-${job}-job`, `A job \`${job}\` of the queue catalog`, {
    description: `The data of a job that puts a ${job} into the catalog. At most 64 KiB as JSON.`,
    ...inputSchema(catalogPayloadSchemas[job]),
  });
}

function stripeEventJob(): JsonSchema {
  return named("stripe-event-job", "A job `delivery` of the queue stripe-events", {
    description:
      "The data of a job that hands on what Stripe sent to a webhook endpoint: the raw body and its signature. The worker verifies them; the age of the signature is counted to the moment at which the job was queued.",
    ...inputSchema(deliveryPayloadSchema),
  });
}

function importLine(): JsonSchema {
  const line = (type: string, shape: z.ZodRawShape, description: string) =>
    z.strictObject({ type: z.literal(type), ...shape }).describe(description);
  const { contractId } = operationRequestSchema.shape;
  const lines = z.union([
    line("product", productSchema.shape, "A product, written only if it is unknown."),
    line("product", productPutSchema.shape, "A product in a version: written if that is greater than the known one."),
    line("customer", customerSchema.shape, "A customer, written only if they are unknown."),
    line(
      "customer",
      customerPutSchema.shape,
      "A customer in a version: written if that is greater than the known one.",
    ),
    line("contract", { contractId, ...registerParams.shape }, "A contract with the parameters of register."),
  ]);
  return named("import-line", "A line of the file of `keiyaku import`", {
    description: "One JSON object a line, in UTF-8. Products and customers stand before the contracts that name them.",
    ...inputSchema(lines),
  });
}
