import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { Scrape } from "../metrics/scrape.ts";
import { listen } from "./listen.ts";

/** Whether work could be done now, and what each part says: `ok`, or in a few words what is wrong with it. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly readiness: () => Promise<Readiness>;
  /** Answers `/metrics`; nothing does unless given. */
  readonly scrape?: Scrape | undefined;
  /** Gives what shows the queues under `/queues`, once it is there; nothing does unless given. */
  readonly dashboard?: () => Hono | undefined;
}

export interface HealthServer {
  readonly port: number;
  /** Frees the port and cuts what is still connected. May be repeated. */
  stop(): Promise<void>;
}

/**
 * Probes of platforms give up after a second or some; an answer that comes later helps nobody, and a database that takes
 * two seconds for a trivial question is not ready for work.
 */
const readinessWithinMs = 2_000;

/**
 * Answers the platform's questions about this process: `GET /healthz` is 200 as long as its event loop turns, and touches
 * nothing, so that a database that is down restarts no worker; `GET /readyz` asks `readiness` and answers 200 or 503 with
 * what each check says. Checks are read by whoever reaches the port: they name no host, user or parameter. `GET /metrics`
 * and `/queues` are there where they are given.
 *
 * Rejects with {@link CannotListen}, which names the port and HTTP_PORT, when it cannot listen.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { host, port } = options;
  // The process's own Request and Response stay as they are: they belong to everything that runs in it.
  const server = createAdaptorServer({ fetch: healthApp(options).fetch, overrideGlobalObjects: false }) as Server;
  const listening = await listen(server, { host, port, settings: "HTTP" });
  let stopping: Promise<void> | undefined;
  return {
    port: listening,
    stop: () => (stopping ??= close(server)),
  };
}

function healthApp({ readiness, scrape, dashboard }: HealthServerOptions): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
  });
  app.get("/healthz", (context) => context.json({ alive: true }));
  app.get("/readyz", async (context) => {
    const answer = await withinDeadline(readiness);
    return context.json({ ready: answer.ready, checks: answer.checks }, answer.ready ? 200 : 503);
  });
  if (scrape !== undefined) {
    app.get("/metrics", async (context) => {
      const { contentType, text } = await scrape();
      return context.body(text, 200, { "content-type": contentType });
    });
  }
  app.all("/queues/*", async (context, next) => {
    const board = dashboard?.();
    return board === undefined ? next() : board.fetch(context.req.raw);
  });
  app.notFound((context) =>
    context.json({ type: "about:blank", title: "Not Found", status: 404 }, 404, {
      "content-type": "application/problem+json",
    }),
  );
  return app;
}

/** Asks; not ready if the answer fails or is late. What the failure said is left to the log of whoever checks. */
async function withinDeadline(readiness: () => Promise<Readiness>): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Readiness>((resolve) => {
    const checks = { readiness: `no answer within ${readinessWithinMs} ms` };
    timer = setTimeout(() => resolve({ ready: false, checks }), readinessWithinMs);
  });
  try {
    return await Promise.race([readiness(), late]);
  } catch {
    return { ready: false, checks: { readiness: "failed" } };
  } finally {
    clearTimeout(timer);
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
