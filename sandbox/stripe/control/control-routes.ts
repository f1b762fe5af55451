import { Hono } from "hono";
import type { App } from "../core/server.ts";
import { type Commands, runCommand } from "./commands.ts";

/**
 * The control over HTTP: `POST /_control/<command>` with a JSON body gives `{"result": …}`, or 400 with `{"error": "…"}`.
 * `ledger`, `requests` and `deliveries` can also be read with GET, `?after=` and a sequence number. `GET /_control/identity`
 * tells which stand-in this is.
 */
export function controlRoutes(commands: Commands, identity: string): App {
  const app: App = new Hono();
  app.onError((error, context) => context.json({ error: error.message }, 400));
  for (const name of ["ledger", "requests", "deliveries"] as const) {
    app.get(`/${name}`, (context) => context.json({ result: runCommand(commands, name, context.req.query()) }));
  }
  app.get("/identity", (context) => context.json({ result: identity }));
  app.post("/:command", async (context) => {
    const body = await context.req.text();
    const argument: unknown = body === "" ? {} : JSON.parse(body);
    return context.json({ result: (await runCommand(commands, context.req.param("command"), argument)) ?? null });
  });
  return app;
}
