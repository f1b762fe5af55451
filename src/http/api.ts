import { type Context, type Handler, Hono } from "hono";
import type { Logger } from "pino";
import { v7 as uuidV7 } from "uuid";
import type { ApiToken, TokenActor } from "../api-tokens.ts";
import type { Clock } from "../clock.ts";
import type { Observer } from "../execution/observer.ts";
import type { Database } from "../store/database.ts";
import { StoreError } from "../store/store-error.ts";
import type { ApiParts } from "./api-parts.ts";
import { createAuthenticate } from "./authenticate.ts";
import { Problem, unavailable } from "./problem.ts";
import { catalogRoutes } from "./routes/catalog.ts";
import { contractRoutes } from "./routes/contracts.ts";
import { operationRoutes } from "./routes/operations.ts";

/** What the API is made of. */
export interface ApiDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** The business time zone, an IANA name. */
  readonly zone: string;
  readonly tokens: readonly ApiToken[];
  /** Hears how requests are answered. Nobody does unless given. */
  readonly observer?: Pick<Observer, "requestAnswered">;
  /** What is left out has no route. */
  readonly parts: Partial<ApiParts>;
  /** How many requests may wait for an operation at the same time; one more is answered at once. 500 unless given. */
  readonly waitersMax?: number;
  /** Gives the signal that ends a request's waiting: its client has gone away, or the server stops. */
  readonly endOf: (request: Request) => { readonly signal: AbortSignal; readonly release: () => void };
}

/** What every handler finds in its context. */
export interface ApiEnv {
  Variables: { readonly actor: TokenActor; readonly requestId: string };
}

export type ApiContext = Context<ApiEnv>;

const methods = ["GET", "POST", "PUT"] as const;
type Method = (typeof methods)[number];

/** The methods of a path, with what answers them. */
export type ApiRoute = Readonly<Partial<Record<Method, Handler<ApiEnv>>>>;

/**
 * The HTTP API as a function from requests to answers. Every answer is JSON and carries `x-request-id`; every refusal is a
 * problem of RFC 9457. Who has no token learns nothing, not even which paths there are.
 */
export function createApi(deps: ApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const authenticate = createAuthenticate(deps.tokens);
  app.use(async (context, next) => {
    context.set("requestId", uuidV7());
    context.header("x-request-id", context.get("requestId"));
    context.header("cache-control", "no-store");
    context.set("actor", authenticate(context.req.header("authorization")));
    await next();
  });
  const routes = { ...operationRoutes(deps), ...contractRoutes(deps), ...catalogRoutes(deps) };
  for (const [path, route] of Object.entries(routes)) register(app, path, route);
  app.notFound(() => {
    const remedy = "The paths are told by schemas/openapi.json.";
    throw new Problem("route_not_found", { detail: "There is nothing at this path.", remedy });
  });
  app.onError((error, context) => answerError(deps.log, error, context));
  return app;
}

function register(app: Hono<ApiEnv>, path: string, route: ApiRoute): void {
  const known = methods.filter((method) => route[method] !== undefined);
  for (const method of known) app.on(method, path, route[method] as Handler<ApiEnv>);
  // A HEAD is answered as a GET without its body.
  const allow = [...known.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ");
  app.all(path, (context) => {
    if (context.req.method === "OPTIONS") return context.body(null, 204, { allow });
    const remedy = `It knows ${allow}.`;
    throw new Problem("method_not_allowed", { detail: "The path does not know this method.", remedy }, { allow });
  });
}

function answerError(log: Logger, error: unknown, context: ApiContext): Response {
  const requestId = context.get("requestId");
  const problem = problemOf(error);
  if (problem.code === "internal_error")
    log.error({ err: error, requestId }, "a request failed in a way that nobody expected");
  if (problem.code === "unavailable") log.warn({ err: error, requestId }, "a request met an outage");
  const response = problem.toResponse(requestId);
  response.headers.set("x-request-id", requestId);
  response.headers.set("cache-control", "no-store");
  return response;
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError && error.fault !== "refused") return unavailable("The database");
  const remedy = "Tell the operators the requestId. Sending the same request again is safe.";
  return new Problem("internal_error", { detail: "The answer is not known.", remedy });
}
