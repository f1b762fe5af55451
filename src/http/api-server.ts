import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { type ApiDeps, createApi } from "./api.ts";
import { listen } from "./listen.ts";

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

/** Longer than the idle time-outs of the usual load balancers (60 s), so that it is never we who hang up on their request. */
const keepAliveMs = 65_000;

/** A statement takes milliseconds; what is not answered by then would not be for long. */
const graceMs = 2_000;

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
  const server = createAdaptorServer({
    fetch: app.fetch,
    // The process's own Request and Response stay as they are: they belong to everything that runs in it.
    overrideGlobalObjects: false,
    serverOptions: {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      // How often the time-outs above are looked after; Node's own 30 s would double them.
      connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
    },
  }) as Server;
  const listening = await listen(server, { host, port, settings: "API" });

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    stopping.removeEventListener("abort", endWaiting);
    endWaiting();
    await close(server);
  };
  return { port: listening, stop: () => (stopped ??= stop()) };
}

/** Resolves once nothing is connected any more: idle connections go at once, busy ones once answered or out of grace. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    // A connection that becomes idle after its answer is no longer waited for.
    const hangUp = setInterval(() => server.closeIdleConnections(), 20);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(hangUp);
      resolve();
    });
  });
}
