/*
 * A webhook endpoint of your own that hands on to keiyaku, by queue, what Stripe sends.
 *
 *   REDIS_URL=redis://127.0.0.1:6379 PORT=3000 npx tsx forward-stripe-events.ts
 *
 * It needs no secret: keiyaku's worker verifies the signature, with the one in its STRIPE_WEBHOOK_SECRETS. Where the workers run
 * without Redis, the queue lives in their database: give { databaseUrl } instead.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createClient, InvalidRequest } from "keiyaku/client";

const keiyaku = createClient({ redisUrl: process.env.REDIS_URL ?? "redis://127.0.0.1:6379" });

/** The body byte for byte. A framework that parses it must be told to leave this path alone: it could not be verified any more. */
async function readRaw(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "POST" || request.url !== "/webhooks") {
    response.writeHead(404).end();
    return;
  }
  try {
    const body = await readRaw(request);
    await keiyaku.forwardStripeEvent({ body, signature: String(request.headers["stripe-signature"] ?? "") });
    // It is in the queue: only now may Stripe forget it.
    response.writeHead(200).end();
  } catch (error) {
    // No delivery of Stripe's; or the queue does not answer, and Stripe sends it again.
    response.writeHead(error instanceof InvalidRequest ? 400 : 503).end();
  }
}

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () =>
  console.log(`listening on ${process.env.PORT ?? 3000}`),
);

process.once("SIGTERM", () => server.close(() => void keiyaku.close()));
