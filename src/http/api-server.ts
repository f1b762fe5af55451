import { type ApiDeps, createApi } from "./api.ts";
import { listen } from "./listen.ts";
import { closeAnswered, createPublicServer } from "./public-server.ts";

export interface ApiServerOptions extends Omit<ApiDeps, "endOf"> {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Aborted when the process is to stop: whoever waits for an operation is answered at once. */
  readonly stopping: AbortSignal;
  /** How long a request may take to arrive whole; 15 s unless told. */
  readonly requestTimeoutMs?: number;
}

export interface ApiServer {
  readonly port: number;
  /** Takes no further connection, answers what is at work, and frees the port. May be repeated. */
  stop(): Promise<void>;
}

/** 64 KiB take a second on the slowest line; a sender that dawdles longer ties up a connection on purpose or is gone. */
const requestTimeoutMsDefault = 15_000;

/**
 * Serves the API. Speaks plain HTTP: TLS is the business of what stands in front of it.
 *
 * Rejects with {@link CannotListen}, which names the port and API_PORT, when it cannot listen.
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { host, port, stopping, requestTimeoutMs = requestTimeoutMsDefault, ...deps } = options;
  const waiting = new Set<AbortController>();
  let isStopping = false;
  const endWaiting = () => {
    isStopping = true;
    for (const waiter of waiting) waiter.abort();
  };
  if (stopping.aborted) endWaiting();
  stopping.addEventListener("abort", endWaiting, { once: true });

  const endOf: ApiDeps["endOf"] = ({ signal: gone }) => {
    const waiter = new AbortController();
    const abort = () => waiter.abort();
    waiting.add(waiter);
    gone.addEventListener("abort", abort, { once: true });
    if (isStopping || gone.aborted) abort();
    const release = () => {
      waiting.delete(waiter);
      gone.removeEventListener("abort", abort);
    };
    return { signal: waiter.signal, release };
  };

  const app = createApi({ ...deps, endOf });
  const server = createPublicServer(app.fetch, requestTimeoutMs);
  const listening = await listen(server, { host, port, settings: "API" });

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    stopping.removeEventListener("abort", endWaiting);
    endWaiting();
    await closeAnswered(server);
  };
  return { port: listening, stop: () => (stopped ??= stop()) };
}
