import type { Queue } from "bullmq";
import { QueueUnreachable } from "./client/errors.ts";
import { checkRequest, type TypedRequest } from "./client/typed-request.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { OperationKind, OperationRequest } from "./contract/operation.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { requestJob, within } from "./queue/enqueue.ts";
import type { QueueBackend } from "./queue/queue-backend.ts";

export type { Acceptance, AcceptedOperation, ContractHistory, Operation, Outcome } from "./client/answers.ts";
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
export type { OperationKind, OperationRequest } from "./contract/operation.ts";

/** Where the workers listen: `redisUrl` when they run with REDIS_URL, otherwise `databaseUrl`. */
export type ClientOptions = (
  | { readonly redisUrl: string; readonly databaseUrl?: undefined }
  | { readonly databaseUrl: string; readonly redisUrl?: undefined }
) & {
  /** How long a call may take before it fails with {@link QueueUnreachable}; 2 s unless told otherwise. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
};

/** The queue has it; the ledger does not yet. Sending the same request again is always safe. */
export interface Queued {
  readonly id: string;
  readonly queued: true;
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
    opening ??= queueBackend()
      .then(({ openQueue }) => openQueue(backend, "operations", timeoutMs))
      .catch((error: unknown) => {
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
      if (queue !== undefined) await (await queueBackend()).closeQueue(queue, timeoutMs);
    },
  };
}

/** BullMQ takes a while to load, and whoever asks over HTTP does not need it. */
function queueBackend() {
  return import("./queue/queue-backend.ts");
}

function backendOf(options: ClientOptions): QueueBackend {
  if (options.redisUrl !== undefined) return { type: "redis", url: options.redisUrl };
  const parsed = parseDatabaseUrl(options.databaseUrl);
  if (parsed.type === "mistaken") throw new Error(`databaseUrl ${parsed.mistakes.join(" ")}`);
  return { type: "postgres", address: parsed.options };
}

/** The request as it goes on the wire, if a worker would read it. */
function checked(request: TypedRequest, index: number, clock: Clock): OperationRequest {
  return checkRequest({ ...request, requestedAt: request.requestedAt ?? clock.now() }, index);
}
