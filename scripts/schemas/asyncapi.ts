import type { JobsOptions } from "bullmq";
import { customerPutSchema, productPutSchema } from "../../src/contract/cataloging.ts";
import { catalogJob, deliveryJob, type PreparedJob, requestJob } from "../../src/queue/enqueue.ts";
import { payloadVersion, type QueueName } from "../../src/queue/payloads.ts";
import { prefixOf } from "../../src/queue/queue-backend.ts";
import { type JsonSchema, payloadSchemas, schemaId } from "./payload-schemas.ts";

const request = requestJob({
  id: "order-1042-suspend",
  kind: "suspend",
  contractId: "c-0001",
  actor: { type: "service", id: "shop" },
  reason: "the transfer did not arrive",
});
const product = catalogJob({
  type: "product",
  product: productPutSchema.parse({
    id: "magazine",
    kind: "monthly",
    access: "per_period",
    priceMinor: 1_980,
    automaticTerminationMonth: "2027-03",
    version: 2,
  }),
});
const customer = catalogJob({
  type: "customer",
  customer: customerPutSchema.parse({
    id: "u-1",
    email: "hanako@example.com",
    name: "山田 花子",
    locale: "ja",
    version: 1,
  }),
});
const delivery = deliveryJob({
  body: '{\n  "id": "evt_1Q2w3E4r5T6y7U8i",\n  "object": "event",\n  "type": "invoice.paid",\n  "…": "…"\n}',
  signature: "t=1790000000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
});

const whatAcceptedMeans =
  "A job in the queue is *queued*: whoever sent it may send it again, under the same id. It is *accepted* once a worker has written it into the ledger, and only then sure to be carried out. The same id with the same content is the same operation; with other content it is refused as `id_reused`. What does not parse is written down in `refused_requests` and never tried again. Set at least the options named under `x-bullmq-job`: a job that is kept after it is done keeps personal data, and swallows a later one of the same id.";

/** The AsyncAPI 3.0 document of the queues, around the schemas of the payloads. */
export function asyncApiDocument(): JsonSchema {
  return {
    asyncapi: "3.0.0",
    id: "urn:keiyaku:queues",
    info: {
      title: "keiyaku: queues",
      version: `${payloadVersion}.0.0`,
      description:
        "The queues by which other services request contract operations, bring products and customers, and hand on Stripe's webhooks. They are BullMQ queues, on Redis or on PostgreSQL, whichever the installation uses: a message is a BullMQ job, its payload the job's data. TypeScript services have `keiyaku/client`, which does all of this.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: servers(),
    channels: {
      operations: channel("operations", "Requests for operations on contracts", ["request"]),
      catalog: channel("catalog", "Products and customers", ["product", "customer"]),
      "stripe-events": channel("stripe-events", "Webhooks of Stripe's, as they came", ["delivery"]),
    },
    operations: {
      takeRequest: take("operations", ["request"], "Takes a request and carries the operation out", whatAcceptedMeans),
      takePut: take(
        "catalog",
        ["product", "customer"],
        "Puts a product or a customer into the catalog",
        "A put is written when its version is greater than the known one, and ignored otherwise: jobs may come late, twice and in any order. What does not parse, and a product whose kind would change, is written down in `refused_requests` and never tried again.",
      ),
      takeDelivery: take(
        "stripe-events",
        ["delivery"],
        "Verifies a webhook of Stripe's and takes its event into the inbox",
        "Hand on the raw body and the header `Stripe-Signature`, and answer Stripe with 200 only once the job is queued. Each event counts once, however often it is handed on. What is not well signed, or no event of this installation's, is written down in `refused_requests` without its content and never tried again.",
      ),
    },
    components: {
      messages: {
        request: message(request, "request-job", "A request for an operation"),
        product: message(product, "catalog-product-job", "A product in a version"),
        customer: message(customer, "catalog-customer-job", "A customer in a version"),
        delivery: message(delivery, "stripe-event-job", "A webhook of Stripe's, raw and signed"),
      },
      schemas: componentSchemas(),
    },
  };
}

function servers(): JsonSchema {
  const variables = (port: string) => ({
    host: { description: "The server's name." },
    port: { default: port, description: "The server's port." },
  });
  return {
    redis: {
      host: "{host}:{port}",
      protocol: "redis",
      description:
        "When the installation sets REDIS_URL. Its maxmemory-policy is noeviction. Open the queue with its prefix, named under the channel's `x-bullmq-queue`.",
      variables: variables("6379"),
    },
    postgres: {
      host: "{host}:{port}",
      protocol: "postgresql",
      description:
        "When the installation does not set REDIS_URL: BullMQ's PostgreSQL backend, on the database of DATABASE_URL. The prefix has no meaning there.",
      variables: variables("5432"),
    },
  };
}

function channel(name: QueueName, title: string, messages: readonly string[]): JsonSchema {
  return {
    address: name,
    title,
    description: `The BullMQ queue \`${name}\`. Jobs of other names than these messages' are keiyaku's own or refused.`,
    servers: ["redis", "postgres"].map((server) => ({ $ref: `#/servers/${server}` })),
    messages: Object.fromEntries(messages.map((each) => [each, { $ref: `#/components/messages/${each}` }])),
    "x-bullmq-queue": { name, prefix: prefixOf(name) },
  };
}

function take(name: QueueName, messages: readonly string[], summary: string, description: string): JsonSchema {
  return {
    action: "receive",
    channel: { $ref: `#/channels/${name}` },
    summary,
    description,
    messages: messages.map((each) => ({ $ref: `#/channels/${name}/messages/${each}` })),
  };
}

function message(job: PreparedJob<unknown>, schema: string, title: string): JsonSchema {
  return {
    name: job.name,
    title,
    contentType: "application/json",
    payload: { $ref: `#/components/schemas/${schema}` },
    examples: [{ name: job.name, payload: job.data }],
    "x-bullmq-job": { name: job.name, options: optionsToSet(job.opts) },
  };
}

/** The options that keep a producer's promise; the job's id is its own affair, and best left out by others. */
function optionsToSet({ attempts, backoff, removeOnComplete, removeOnFail }: JobsOptions): JsonSchema {
  return { attempts, backoff, removeOnComplete, ...(removeOnFail === undefined ? {} : { removeOnFail }) };
}

/** The payloads' schemas as components, referring to each other inside the document. */
function componentSchemas(): JsonSchema {
  const schemas = [...payloadSchemas()].filter(([path]) => path !== "import-line");
  const names = new Map(schemas.map(([path]) => [schemaId(path.replace("/", ":")), path.replace("/", "-")]));
  const local = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(local);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) =>
        key === "$ref" ? [key, `#/components/schemas/${names.get(String(child))}`] : [key, local(child)],
      ),
    );
  };
  return Object.fromEntries(
    schemas.map(([path, schema]) => [path.replace("/", "-"), local({ ...schema, $schema: undefined, $id: undefined })]),
  ) as JsonSchema;
}
