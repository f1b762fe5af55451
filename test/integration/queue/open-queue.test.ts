import { randomUUID } from "node:crypto";
import { expect, it, onTestFinished } from "vitest";
import { openQueue } from "../../../src/queue/queue-backend.ts";
import { StartRefused } from "../../../workers/check-servers.ts";
import { openRoleQueue } from "../../../workers/open-role-queue.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { addressOf, createTestStore } from "../../support/test-database.ts";
import { untilWaitingForLocks } from "../store/support/until-waiting.ts";

it("a role whose queue cannot be opened refuses its start for now, and quotes no address", async () => {
  const server = await startTcpProxy({ host: "127.0.0.1", port: 1 });
  onTestFinished(() => server.stop());
  const address = { ...addressOf("postgres://someone:secret@127.0.0.1/nowhere"), port: server.port };
  const context = {
    installation: { queue: { type: "postgres", address } },
    watch: {},
    closing: { onClose: () => undefined },
  };

  const refusal: unknown = await openRoleQueue(context as never, "operations").catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(StartRefused);
  expect(refusal).toMatchObject({ tryLater: true });
  expect(String(refusal)).toMatch(/^StartRefused: PostgreSQL went away while the queue operations was opened; /);
  expect(String(refusal)).not.toMatch(/someone|secret|127\.0\.0\.1/);
});

it("a role whose user may not use the queue is to be given the rights, and not to be started again before", async () => {
  const store = await createTestStore({});
  onTestFinished(() => store.close());
  const name = `nobody_${randomUUID().replaceAll("-", "")}`;
  await store.sql.unsafe(`create role ${name} login`);
  onTestFinished(async () => void (await store.sql.unsafe(`drop role ${name}`)));
  const url = new URL(store.url);
  url.username = name;
  const queue = { type: "postgres", address: addressOf(url.href) };
  const context = { installation: { queue }, watch: {}, closing: { onClose: () => undefined } };

  const refusal: unknown = await openRoleQueue(context as never, "operations").catch((error: unknown) => error);
  expect(refusal).toMatchObject({ tryLater: false });
  expect(String(refusal)).toMatch(/does not let this user use the queue operations \(42501\)/);
});

it("a queue on PostgreSQL that loses its connection while it opens fails, and the process goes on", async () => {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const { url, sql } = store;
  const { hostname, port } = new URL(url);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  onTestFinished(() => proxy.stop());
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on("uncaughtException", note);
  onTestFinished(() => void process.off("uncaughtException", note));

  const holder = await sql.reserve();
  await holder`begin`;
  await holder`lock table bullmq.migration in access exclusive mode`;
  const address = { ...addressOf(url), host: "127.0.0.1", port: proxy.port };
  const opening = openQueue({ type: "postgres", address }, "operations", 5_000);
  const failing = expect(opening).rejects.toThrow("Connection terminated unexpectedly");
  await untilWaitingForLocks(sql, 1);
  proxy.cutAll();
  await failing;
  await holder`rollback`;
  holder.release();

  expect(uncaught).toEqual([]);
});
