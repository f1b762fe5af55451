import type { Queue } from "bullmq";
import type { z } from "zod";
import { type Clock, systemClock } from "./clock.ts";
import { type OperationKind, type OperationRequest, operationRequestSchema } from "./contract/operation.ts";
import { ruleOf, type rules } from "./contract/operations/index.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { requestJob, within } from "./queue/enqueue.ts";
import { closeQueue, openQueue, type QueueBackend, type QueueTelemetry } from "./queue/queue-backend.ts";
import { readRequestPayload } from "./queue/read-payload.ts";

export type { OperationKind, OperationRequest } from "./contract/operation.ts";

/** The parameters of a kind, as a requester writes them. */
export type ParamsOf<Kind extends OperationKind> = z.input<(typeof rules)[Kind]["params"]>;

/** A request whose parameters are checked against its kind by the compiler. */
export type TypedRequest<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: Omit<OperationRequest, "kind" | "params" | "requestedAt"> & {
    readonly kind: K;
    readonly params?: ParamsOf<K>;
    /** When it was asked for; now, unless told otherwise. */
    readonly requestedAt?: string;
  };
}[Kind];

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

/** A request that no worker would accept. Nothing was queued. */
export class InvalidRequest extends Error {
  override readonly name = "InvalidRequest";
  /** Which request of several, counted from 0. */
  readonly index: number;
  /** The field that is at fault, such as `params.paidPeriods.0`. */
  readonly field: string;

  constructor(index: number, field: string, problem: string) {
    super(`request ${index}: ${field} ${problem}`);
    this.index = index;
    this.field = field;
  }
}

/** The queue did not answer in time. The requests may or may not be queued: send them again under the same ids. */
export class QueueUnreachable extends Error {
  override readonly name = "QueueUnreachable";
}

/** Requests operations by queue. One per process is enough; it is safe for concurrent use. */
export interface Client {
  /** Queues one request. Fails fast, and says whether anything can have been queued. */
  request<Kind extends OperationKind>(request: TypedRequest<Kind>): Promise<Queued>;
  /** Queues many, in the order given. All are checked before the first is queued. Each 500 have the time-out of one. */
  requestMany(requests: readonly TypedRequest[]): Promise<readonly Queued[]>;
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
  let opening: Promise<Queue> | undefined;

  /** The queue, connected. After a failure the next call begins anew. */
  function opened(): Promise<Queue> {
    opening ??= openQueue(backend, "operations", timeoutMs, options.telemetry).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  async function enqueue(requests: readonly OperationRequest[]): Promise<void> {
    const queue = await opened();
    for (let first = 0; first < requests.length; first += bulkMax) {
      await within(timeoutMs, queue.addBulk(requests.slice(first, first + bulkMax).map(requestJob)));
    }
  }

  /** Names every failure of the queue alike: nobody knows whether anything was queued. */
  async function reaching(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const why = error instanceof Error ? error.name : "unknown";
      throw new QueueUnreachable(
        `the queue did not answer within ${timeoutMs} ms (${why}); send the same requests again`,
      );
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
    async close() {
      const queue = await opening?.catch(() => undefined);
      opening = undefined;
      if (queue !== undefined) await closeQueue(queue, timeoutMs);
    },
  };
}

function backendOf(options: ClientOptions): QueueBackend {
  if (options.redisUrl !== undefined) return { type: "redis", url: options.redisUrl };
  const parsed = parseDatabaseUrl(options.databaseUrl);
  if (parsed.type === "mistaken") throw new Error(`databaseUrl ${parsed.mistakes.join(" ")}`);
  return { type: "postgres", address: parsed.options };
}

/** The request as it goes on the wire, if a worker would read it. */
function checked(request: TypedRequest, index: number, clock: Clock): OperationRequest {
  const wire = { ...request, requestedAt: request.requestedAt ?? clock.now() };
  const envelope = operationRequestSchema.safeParse(wire);
  if (!envelope.success) throw invalid(index, envelope.error, []);
  const params = ruleOf(request.kind).params.safeParse(request.params ?? {});
  if (!params.success) throw invalid(index, params.error, ["params"]);
  const read = readRequestPayload(requestJob(envelope.data).data);
  if (read.type === "unreadable") throw new InvalidRequest(index, read.unreadable.field, read.unreadable.problem);
  return envelope.data;
}

function invalid(index: number, error: z.ZodError, under: readonly string[]): InvalidRequest {
  const issue = error.issues[0];
  const keys = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const field = [...under, ...(issue?.path ?? []), ...keys].map(String).join(".") || "request";
  return new InvalidRequest(index, field, issue?.message ?? "is invalid");
}
