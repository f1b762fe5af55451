import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";

/** Longer than the idle time-outs of the usual load balancers (60 s), so that it is never we who hang up on their request. */
const keepAliveMs = 65_000;

/** A statement takes milliseconds; what is not answered by then would not be for long. */
const graceMs = 2_000;

/**
 * Makes a server for senders that are not this process's own platform. Speaks plain HTTP: TLS is the business of what stands
 * in front of it.
 *
 * @param requestTimeoutMs how long a request may take to arrive whole
 */
export function createPublicServer(
  fetch: (request: Request) => Response | Promise<Response>,
  requestTimeoutMs: number,
): Server {
  return createAdaptorServer({
    fetch,
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
}

/** Resolves once nothing is connected any more: idle connections go at once, busy ones once answered or out of grace. */
export function closeAnswered(server: Server): Promise<void> {
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
