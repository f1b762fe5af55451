import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type Readiness, startHealthServer } from "../../src/http/health-server.ts";

async function setup(readiness: () => Promise<Readiness> = async () => ({ ready: true, checks: { database: "ok" } })) {
  const server = await startHealthServer({ host: "127.0.0.1", port: 0, readiness });
  onTestFinished(() => server.stop());
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init);
  return { server, ask };
}

test("/healthz is 200 without asking whether anything is ready", async () => {
  let asked = 0;
  const { ask } = await setup(async () => {
    asked += 1;
    return { ready: false, checks: {} };
  });

  const answer = await ask("/healthz");

  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ alive: true });
  expect(asked).toBe(0);
});

test.each([
  { ready: true, checks: { database: "ok", queue: "ok" }, status: 200 },
  { ready: false, checks: { database: "ok", queue: "no answer" }, status: 503 },
])("/readyz answers $status with what each check says", async ({ ready, checks, status }) => {
  const { ask } = await setup(async () => ({ ready, checks }));

  const answer = await ask("/readyz");

  expect(answer.status).toBe(status);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await answer.json()).toEqual({ ready, checks });
});

test("/readyz asks anew each time", async () => {
  let ready = false;
  const { ask } = await setup(async () => ({ ready, checks: {} }));

  const before = await ask("/readyz");
  ready = true;
  const after = await ask("/readyz");

  expect([before.status, after.status]).toEqual([503, 200]);
});

test("/readyz is 503 within some two seconds when the checks hang, and what they say later harms nothing", async () => {
  let fail: (reason: Error) => void = () => undefined;
  const hanging = new Promise<Readiness>((_, reject) => {
    fail = reject;
  });
  const { ask } = await setup(() => hanging);
  const startedAt = performance.now();

  const answer = await ask("/readyz");

  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ ready: false, checks: { readiness: "no answer within 2000 ms" } });
  expect(performance.now() - startedAt).toBeGreaterThan(1_900);
  fail(new Error("late"));
  expect((await ask("/healthz")).status).toBe(200);
});

test("/readyz is 503 when the checks fail, and does not repeat what they said", async () => {
  const { ask } = await setup(async () => {
    throw new Error("password authentication failed for user keiyaku");
  });

  const answer = await ask("/readyz");

  expect(answer.status).toBe(503);
  expect(await answer.text()).toBe('{"ready":false,"checks":{"readiness":"failed"}}');
});

test.each([
  ["/", "GET"],
  ["/healthz/", "GET"],
  ["/healthz", "POST"],
  ["/metrics", "GET"],
])("%s by %s is a problem: not found", async (path, method) => {
  const { ask } = await setup();

  const answer = await ask(path, { method });

  expect(answer.status).toBe(404);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(await answer.json()).toEqual({ type: "about:blank", title: "Not Found", status: 404 });
});

test("a port in use is refused in a sentence that names it and its variable", async () => {
  const { server } = await setup();

  const second = startHealthServer({
    host: "127.0.0.1",
    port: server.port,
    readiness: async () => ({ ready: true, checks: {} }),
  });

  await expect(second).rejects.toMatchObject({
    message: `Port ${server.port} of 127.0.0.1 is in use.`,
    remedy: "Set HTTP_PORT to a free port, or end the program that listens there.",
  });
});

test("an address that is not this machine's is refused in a sentence that names its variable", async () => {
  const elsewhere = startHealthServer({
    host: "192.0.2.1",
    port: 0,
    readiness: async () => ({ ready: true, checks: {} }),
  });

  await expect(elsewhere).rejects.toMatchObject({
    message: "Cannot listen on port 0 of 192.0.2.1 (EADDRNOTAVAIL).",
    remedy: "Check HTTP_HOST and HTTP_PORT.",
  });
});

test("stopping frees the port although somebody stays connected, and may be repeated", async () => {
  const { server, ask } = await setup();
  const idle = connect(server.port, "127.0.0.1");
  onTestFinished(() => void idle.destroy());
  idle.on("error", () => undefined);
  await once(idle, "connect");
  await (await ask("/healthz")).text();

  await Promise.all([server.stop(), server.stop()]);

  await expect(ask("/healthz")).rejects.toThrow("fetch failed");
  const again = await startHealthServer({
    host: "127.0.0.1",
    port: server.port,
    readiness: async () => ({ ready: true, checks: {} }),
  });
  await again.stop();
});
