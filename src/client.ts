import { TextDecoder } from "node:util";
import type { Queue } from "bullmq";
import type { z } from "zod";
import { InvalidRequest, QueueUnreachable } from "./client/errors.ts";
import { checkRequest, checkRequestedAt, type TypedRequest } from "./client/typed-request.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { CustomerPut, productPutSchema } from "./contract/cataloging.ts";
import type { OperationKind, OperationRequest } from "./contract/operation.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { catalogJob, DeadlineMissed, deliveryJob, requestJob, within } from "./queue/enqueue.ts";
import { type CatalogPut, type Delivery, eventJobs, payloadVersion, type QueueName } from "./queue/payloads.ts";
import type { QueueBackend, QueueTelemetry } from "./queue/queue-backend.ts";
import { readCatalogPayload } from "./queue/read-catalog-payload.ts";
import { readDelivery } from "./queue/read-delivery.ts";

export type {
  Acceptance,
  AcceptedOperation,
  ContractButtons,
  ContractHistory,
  Operation,
  Outcome,
  Plan,
} from "./client/answers.ts";
export {
  IdReused,
  InvalidRequest,
  NotConcludedYet,
  QueueUnreachable,
  Unauthorized,
  UnexpectedAnswer,
  Unreachable,
} from "./client/errors.ts";
export {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  type HttpRequest,
} from "./client/http-client.ts";
export type { ParamsOf, TypedRequest } from "./client/typed-request.ts";
export type { CustomerPut } from "./contract/cataloging.ts";
export type { OperationKind, OperationRequest } from "./contract/operation.ts";

/** A product as a producer puts it. */
export type ProductToPut = z.input<typeof productPutSchema>;

/** Where the workers listen: `redisUrl` when they run with REDIS_URL, otherwise `databaseUrl`. */
export type ClientOptions = (
  | { readonly redisUrl: string; readonly databaseUrl?: undefined }
  | { readonly databaseUrl: string; readonly redisUrl?: undefined }
) & {
  /** How long a call may take before it fails with {@link QueueUnreachable}; 2 s unless told otherwise. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  /** Lets your trace go on in our workers: `new BullMQOtel({ tracerName: "shop" })` of the package `bullmq-otel`. */
  readonly telemetry?: QueueTelemetry;
};

/** The queue has it; the ledger does not yet. Sending the same request again is always safe. */
export interface Queued {
  readonly id: string;
  readonly queued: true;
}

/** The queue has it; the catalog does not yet. Putting the same again is always safe. */
export interface QueuedPut extends Queued {
  readonly version: number;
}

/** What Stripe sent to a webhook endpoint, as it came. */
export interface StripeDelivery {
  /** The raw body. One that was parsed and written anew has no good signature any more. */
  readonly body: string | Uint8Array;
  /** The header `Stripe-Signature`. */
  readonly signature: string;
}

/** Requests operations, puts products and customers, and hands on what Stripe sent, by queue. One per process is enough; it is safe for concurrent use. */
export interface Client {
  /** Queues one request. Fails fast, and says whether anything can have been queued. */
  request<Kind extends OperationKind>(request: TypedRequest<Kind>): Promise<Queued>;
  /** Queues many, in the order given. All are checked before the first is queued. Each 500 have the time-out of one. */
  requestMany(requests: readonly TypedRequest[]): Promise<readonly Queued[]>;
  /**
   * Queues a product, whole, in a version that its producer counts. The catalog takes it when the version is greater than
   * the one it knows, and ignores it otherwise: so puts may come late, twice, and in any order. Fails as `request` does.
   */
  putProduct(product: ProductToPut): Promise<QueuedPut>;
  /** The same for a customer. They leave the queue as soon as they are in the catalog. */
  putCustomer(customer: CustomerPut): Promise<QueuedPut>;
  /**
   * Queues what Stripe sent to a relay of yours: the raw body, and the header `Stripe-Signature` that came with it. The worker
   * verifies it. Answer Stripe with 200 only once this has resolved; when it throws, with 503, and Stripe sends it again.
   * Queueing the same again is always safe. Fails as `request` does.
   */
  forwardStripeEvent(delivery: StripeDelivery): Promise<{ readonly queued: true }>;
  close(): Promise<void>;
}

const timeoutMsDefault = 2_000;

/** How many requests go to the queue at once: some 300 KiB of them at the usual size. */
const bulkMax = 500;

/** Makes a client. Connects with the first request, and again whenever the connection is lost. */
export function createClient(options: ClientOptions): Client {
  const backend = backendOf(options);
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault;
  const clock = options.clock ?? systemClock;
  const opening = new Map<QueueName, Promise<Queue>>();

  /** The queue, connected. After a failure the next call begins anew. */
  function opened(name: QueueName): Promise<Queue> {
    const known = opening.get(name);
    if (known !== undefined) return known;
    const connecting = queueBackend()
      .then(({ openQueue }) => openQueue(backend, name, timeoutMs, options.telemetry))
      .catch((error: unknown) => {
        opening.delete(name);
        throw error;
      });
    opening.set(name, connecting);
    return connecting;
  }

  async function enqueuePut(put: CatalogPut): Promise<void> {
    const queue = await opened("catalog");
    const { name, data, opts } = catalogJob(put);
    await queue.add(name, data, opts);
  }

  async function enqueueDelivery(delivery: Delivery): Promise<void> {
    const queue = await opened("stripe-events");
    const { name, data, opts } = deliveryJob(delivery);
    await queue.add(name, data, opts);
  }

  async function put(type: CatalogPut["type"], entry: ProductToPut | CustomerPut): Promise<QueuedPut> {
    await reaching(within(timeoutMs, enqueuePut(checkedPut(type, entry))));
    return { id: entry.id, version: entry.version, queued: true };
  }

  async function enqueue(requests: readonly OperationRequest[]): Promise<void> {
    const queue = await opened("operations");
    for (let first = 0; first < requests.length; first += bulkMax) {
      await within(timeoutMs, queue.addBulk(requests.slice(first, first + bulkMax).map(requestJob)));
    }
  }

  /** Names every failure of the queue alike: nobody knows whether anything was queued. */
  async function reaching(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      throw new QueueUnreachable(`${unreachable(error, timeoutMs)}; send the same requests again`);
    }
  }

  return {
    async request(request) {
      await reaching(within(timeoutMs, enqueue([checked(request as TypedRequest, 0, clock)])));
      return { id: request.id, queued: true };
    },
    async requestMany(requests) {
      await reaching(enqueue(requests.map((request, index) => checked(request, index, clock))));
      return requests.map(({ id }) => ({ id, queued: true }));
    },
    putProduct: (product) => put("product", product),
    putCustomer: (customer) => put("customer", customer),
    async forwardStripeEvent(delivery) {
      await reaching(within(timeoutMs, enqueueDelivery(checkedDelivery(delivery))));
      return { queued: true };
    },
    async close() {
      const queues = await Promise.allSettled(opening.values());
      opening.clear();
      const connected = queues.flatMap((queue) => (queue.status === "fulfilled" ? [queue.value] : []));
      if (connected.length === 0) return;
      const { closeQueue } = await queueBackend();
      await Promise.all(connected.map((queue) => closeQueue(queue, timeoutMs)));
    },
  };
}

/** BullMQ takes a while to load, and whoever asks over HTTP does not need it. */
function queueBackend() {
  return import("./queue/queue-backend.ts");
}

/** What kept the queue from answering, without its address. */
function unreachable(error: unknown, timeoutMs: number): string {
  if (error instanceof DeadlineMissed) return `the queue did not answer within ${timeoutMs} ms`;
  const { code } = (error ?? {}) as { readonly code?: unknown };
  const name = error instanceof Error ? error.name : "unknown";
  return `the queue could not be reached (${typeof code === "string" ? code : name})`;
}

function backendOf(options: ClientOptions): QueueBackend {
  if (options.redisUrl !== undefined) return { type: "redis", url: options.redisUrl };
  const parsed = parseDatabaseUrl(options.databaseUrl);
  if (parsed.type === "mistaken") throw new Error(`databaseUrl ${parsed.mistakes.join(" ")}`);
  return { type: "postgres", address: parsed.options };
}

/** The request as it goes on the wire, if a worker would read it. */
function checked(request: TypedRequest | null | undefined, index: number, clock: Clock): OperationRequest {
  const timed = isObject(request) ? { ...request, requestedAt: request.requestedAt ?? clock.now() } : request;
  const read = checkRequest(timed, index);
  checkRequestedAt(read, index, clock.nowMs());
  return read;
}

/** Callers that no compiler checks pass what they have. */
function isObject<T>(value: T): value is T & object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The put as it goes on the wire, if a worker would read it. */
function checkedPut(type: CatalogPut["type"], entry: unknown): CatalogPut {
  const read = readCatalogPayload(type, { v: payloadVersion, [type]: entry });
  if (read.type === "unreadable") throw new InvalidRequest(0, read.unreadable.field, read.unreadable.problem);
  return read.put;
}

/** The delivery as it goes on the wire, if a worker would read it. */
function checkedDelivery(delivery: StripeDelivery | null | undefined): Delivery {
  const body = delivery?.body instanceof Uint8Array ? textOf(delivery.body) : delivery?.body;
  const read = readDelivery(eventJobs.delivery, { v: payloadVersion, body, signature: delivery?.signature });
  if (read.type === "unreadable") throw new InvalidRequest(0, read.field, read.problem);
  return read.delivery;
}

/** The bytes as text, so that the same text is the same bytes. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new InvalidRequest(0, "body", "is not UTF-8");
  }
}
