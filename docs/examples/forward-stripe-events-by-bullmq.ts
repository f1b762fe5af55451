/*
 * The same without keiyaku's client: with BullMQ alone, which there is for Python, Elixir and PHP as well. What a foreign relay
 * has to know is this:
 *
 *   queue    stripe-events, with the prefix {keiyaku-stripe-events}, braces included
 *   job      delivery
 *   payload  {"v": 1, "body": "…", "signature": "…"}, as schemas/stripe-event-job.schema.json describes it: the raw body in UTF-8, at
 *            most 1 MiB, and the header Stripe-Signature
 *   options  as below
 *
 *   REDIS_URL=redis://127.0.0.1:6379 PORT=3000 npx tsx forward-stripe-events-by-bullmq.ts
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { Queue } from "bullmq";

const queue = new Queue("stripe-events", {
  prefix: "{keiyaku-stripe-events}",
  connection: {
    url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379",
    // Fail soon rather than wait for Redis: Stripe sends again what is answered with 503.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
  },
});
queue.on("error", (error) => console.error(error.message));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "POST" || request.url !== "/webhooks") {
    response.writeHead(404).end();
    return;
  }
  try {
    const payload = { v: 1, body: await text(request), signature: String(request.headers["stripe-signature"] ?? "") };
    await queue.add("delivery", payload, {
      // As long as it is not in the inbox nothing else knows of it: it is tried without end.
      attempts: 2_147_483_647,
      backoff: { type: "fixed", delay: 5_000 },
      // It speaks of a customer, and leaves the queue however it ends.
      removeOnComplete: true,
      removeOnFail: true,
      // No jobId and no timestamp: the inbox knows each event by its id, and a signature ages by when BullMQ says it was queued.
    });
    response.writeHead(200).end();
  } catch {
    response.writeHead(503).end();
  }
}

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () =>
  console.log(`listening on ${process.env.PORT ?? 3000}`),
);

process.once("SIGTERM", () => server.close(() => void queue.close()));
