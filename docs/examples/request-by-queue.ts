/*
 * Requests an operation by queue, from TypeScript.
 *
 *   REDIS_URL=redis://127.0.0.1:6379 npx tsx request-by-queue.ts
 *
 * Where the workers run without Redis, the queue lives in their database: give { databaseUrl } instead.
 */
import { createClient, InvalidRequest, QueueUnreachable } from "keiyaku/client";

const keiyaku = createClient({ redisUrl: process.env.REDIS_URL ?? "redis://127.0.0.1:6379" });
try {
  const { id } = await keiyaku.request({
    id: "confirm-invoice-2026-0815", // yours, and the idempotency key: sending it again is always safe
    kind: "confirm_payment",
    contractId: "c-0001",
    actor: { type: "operator", id: "alice" },
    params: {}, // checked against the kind by the compiler, and again before anything is queued
    reason: "銀行振込を確認",
  });
  // Queued: the workers write it into the ledger and carry it out. It is not known yet whether a rule refuses it.
  console.log(`queued ${id}`);
} catch (error) {
  if (error instanceof InvalidRequest) console.error(`nothing was queued: ${error.message}`);
  else if (error instanceof QueueUnreachable)
    console.error("perhaps queued, perhaps not: send it again under the same id");
  else throw error;
  process.exitCode = 1;
} finally {
  await keiyaku.close();
}
