/*
 * Requests an operation by queue without keiyaku's client: with BullMQ alone, which there is for Python, Elixir and PHP as
 * well. What a foreign producer has to know is this:
 *
 *   queue    operations, with the prefix {keiyaku-operations}, braces included
 *   job      request
 *   payload  {"v": 1, "request": {…}}, as schemas/ describes it, at most 64 KiB
 *   options  as below
 *
 *   REDIS_URL=redis://127.0.0.1:6379 npx tsx request-by-bullmq.ts
 */
import { Queue } from "bullmq";

const queue = new Queue("operations", {
  prefix: "{keiyaku-operations}",
  connection: { url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379" },
});
const request = {
  id: "cancel-order-4713", // 1 to 64 letters, digits, '.', '_' or '-'
  kind: "cancel",
  contractId: "c-0001",
  actor: { type: "operator", id: "alice" },
  params: {},
  reason: "申込みの誤り",
};
const job = await queue.add(
  "request",
  { v: 1, request },
  {
    // As long as it is not in the ledger nothing else knows of it: it is tried without end.
    attempts: 2_147_483_647,
    backoff: { type: "fixed", delay: 5_000 },
    // It may hold personal data, and leaves the queue as soon as it is in the ledger.
    removeOnComplete: true,
    // No jobId: the ledger tells duplicates by the request's id, and a job's id would swallow a second try.
  },
);
console.log(`queued ${request.id} as job ${job.id}`);
await queue.close();
