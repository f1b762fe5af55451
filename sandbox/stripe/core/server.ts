import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import type { Call } from "./call.ts";
import type { Core } from "./core.ts";
import type { Endpoint } from "./endpoint.ts";
import { newId } from "./ids.ts";
import { serveCall } from "./serve.ts";

/** The connection that a fault may destroy. */
export interface Bindings {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
}

export type App = Hono<{ Bindings: Bindings }>;

/**
 * Longer than any pause of a test: a server that closes an idle connection just when the client reuses it gives a reset
 * that no rule asked for.
 */
const KEEP_ALIVE_MS = 120_000;

/** The application: Stripe's endpoints, and for everything else Stripe's 404. */
export function createApp(core: Core, endpoints: readonly Endpoint[], control: App): App {
  const app: App = new Hono();
  app.route("/_control", control);
  for (const endpoint of endpoints) app.on(endpoint.method, endpoint.path, (context) => serve(core, context, endpoint));
  app.notFound((context) => serve(core, context, undefined));
  return app;
}

export interface RunningServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on loopback only. Port 0 takes any free one. */
export function listen(app: App, port: number): Promise<RunningServer> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS },
  }) as Server;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      const address = server.address() as AddressInfo;
      resolve({ port: address.port, close: () => closeServer(server) });
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeAllConnections();
  });
}

async function serve(core: Core, context: Context<{ Bindings: Bindings }>, endpoint: Endpoint | undefined) {
  const { req, env } = context;
  const query = env.incoming.url?.split("?", 2)[1] ?? "";
  const body = req.method === "POST" ? await req.text() : "";
  const call: Call = {
    requestId: newId("request"),
    method: req.method,
    path: req.path,
    parameters: query !== "" && body !== "" ? `${query}&${body}` : query + body,
    authorization: req.header("authorization"),
    idempotencyKey: req.header("idempotency-key"),
    apiVersion: req.header("stripe-version"),
    endpoint,
    id: endpoint === undefined ? "" : (req.param("id") ?? ""),
  };
  const served = serveCall(core, call, env);
  core.inFlight.add(served);
  await served.finally(() => core.inFlight.delete(served));
  return RESPONSE_ALREADY_SENT;
}
