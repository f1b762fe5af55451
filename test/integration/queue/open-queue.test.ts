import { expect, it, onTestFinished } from "vitest";
import { openQueue } from "../../../src/queue/queue-backend.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { addressOf, createTestStore } from "../../support/test-database.ts";
import { untilWaitingForLocks } from "../store/support/until-waiting.ts";

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
