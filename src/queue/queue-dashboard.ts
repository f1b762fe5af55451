import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { HonoAdapter } from "@bull-board/hono";
import { serveStatic } from "@hono/node-server/serve-static";
import type { Queue } from "bullmq";
import { Hono } from "hono";
import { hideJobs } from "./hide-jobs.ts";

/** Where the dashboard stands on the port of health. */
export const dashboardPath = "/queues";

/** The page brings its own scripts and styles. It would fetch its letters from Google: without them it uses the system's. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * What of the dashboard's own interface is answered. Left out are a job's log and its family, schedulers with their
 * templates, and the list of clients: nothing of ours is there, and a foreign producer's words may be.
 */
const answered =
  /^\/api\/(queues|redis\/stats|queues\/[^/]+\/(metrics|default-job-options|rate-limit|job-data-schema|[^/]+))$/;

/**
 * The queues to be looked at in a browser, and nothing else: only reading requests are answered, and of a job only what
 * {@link hideJobs} lets through. It has no login: whoever reaches the port sees it.
 */
export function createQueueDashboard(queues: readonly Queue[]): Hono {
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath(dashboardPath);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: "keiyaku", showWorkers: false } },
  });
  // The board finds its files by the whole path.
  const board = new Hono().route(dashboardPath, adapter.registerPlugin());
  const app = new Hono();
  app.use(async (context, next) => {
    const path = context.req.path.slice(dashboardPath.length);
    const isReading = context.req.method === "GET" || context.req.method === "HEAD";
    if (!isReading) return problem(405, "Method Not Allowed");
    const isApi = path.startsWith("/api");
    if (isApi && !answered.test(path)) return problem(403, "Forbidden");
    await next();
    context.header("content-security-policy", contentSecurityPolicy);
    context.header("x-content-type-options", "nosniff");
    context.header("referrer-policy", "no-referrer");
    if (isApi) context.res = await withoutSecrets(context.res);
    return undefined;
  });
  app.all("/*", (context) =>
    // The page's links are relative to the path without the slash.
    context.req.path === `${dashboardPath}/` ? context.redirect(dashboardPath) : board.fetch(context.req.raw),
  );
  return app;
}

/** The answer of the board's interface with its jobs made fit to be seen. What cannot be read is not passed on. */
async function withoutSecrets(answer: Response): Promise<Response> {
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  if (!answer.ok) return Response.json({ error: answer.status }, { status: answer.status, headers });
  const body: unknown = await answer.json().catch(() => null);
  return Response.json(hideJobs(body), { status: answer.status, headers });
}

function problem(status: 403 | 405, title: string): Response {
  return Response.json(
    { type: "about:blank", title, status },
    { status, headers: { "content-type": "application/problem+json" } },
  );
}
