import { Hono } from "hono";
import type { Logger } from "pino";
import { v7 as uuidV7 } from "uuid";
import type { Clock } from "../clock.ts";
import { eventBytesMax } from "../queue/payloads.ts";
import type { Database } from "../store/database.ts";
import { StoreError } from "../store/store-error.ts";
import { takeInEvents } from "../store/take-in-events.ts";
import type { StripeEvent } from "../stripe/events.ts";
import { type ArrivalAnswer, type ExpectedEvents, type SignedBody, verifyEvent } from "../stripe/verify-event.ts";
import { listen } from "./listen.ts";
import { Problem, unavailable } from "./problem.ts";
import { closeAnswered, createPublicServer } from "./public-server.ts";
import { readBytes } from "./read-bytes.ts";

export interface RelayServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly expected: ExpectedEvents;
  /** Hears how each delivery was answered that could be one. Nobody does unless given. */
  readonly delivered?: (answer: ArrivalAnswer) => void;
  /** Hears of each event of ours that was delivered. Nobody does unless given. */
  readonly verified?: (event: StripeEvent) => void;
  /** How long the inbox may take; 5 s unless told. */
  readonly storeWithinMs?: number;
}

export interface RelayServer {
  readonly port: number;
  /** Takes no further connection, answers what is at work, and frees the port. May be repeated. */
  stop(): Promise<void>;
}

export const webhookPath = "/stripe/webhooks";

/** As long as Stripe waits for an answer at the least. */
const requestTimeoutMs = 10_000;

/** Takes milliseconds. Past that Stripe had better hear "later", while it still listens, than nothing. */
const storeWithinMsDefault = 5_000;

/**
 * Takes Stripe's webhooks: `POST /stripe/webhooks` and nothing else. A delivery is verified and written into the inbox, and
 * only then answered with 200; nothing else happens before that, and nothing here asks Stripe or the queue. What is no event
 * of ours is answered with 400, and what cannot be written now with 503: both Stripe sends again.
 *
 * Rejects with {@link CannotListen}, which names the port and RELAY_PORT, when it cannot listen.
 */
export async function startRelayServer(options: RelayServerOptions): Promise<RelayServer> {
  const { host, port } = options;
  const server = createPublicServer(createRelay(options).fetch, requestTimeoutMs);
  const listening = await listen(server, { host, port, settings: "RELAY" });
  let stopped: Promise<void> | undefined;
  return { port: listening, stop: () => (stopped ??= closeAnswered(server)) };
}

function createRelay(options: RelayServerOptions): Hono {
  const app = new Hono();
  app.post(webhookPath, async ({ req }) => {
    const body = await readBytes(req.raw, eventBytesMax, "no event of Stripe's is as large");
    const signature = req.header("stripe-signature") ?? null;
    // Of a body that did not arrive whole nobody reads the answer.
    await takeIn(options, { body: body ?? "", signature });
    return Response.json({ received: true }, { headers: commonHeaders(uuidV7()) });
  });
  app.all(webhookPath, () => {
    const about = { detail: "The path does not know this method.", remedy: "It knows POST." };
    throw new Problem("method_not_allowed", about, { allow: "POST" });
  });
  app.notFound(() => {
    const remedy = `Stripe's webhooks are taken at POST ${webhookPath}.`;
    throw new Problem("route_not_found", { detail: "There is nothing at this path.", remedy });
  });
  app.onError((error) => answerError(options.log, error));
  return app;
}

/** Writes what was sent into the inbox, or throws the {@link Problem} with which it is answered. */
async function takeIn(options: RelayServerOptions, sent: SignedBody): Promise<void> {
  const { db, clock, log, expected, delivered, storeWithinMs = storeWithinMsDefault } = options;
  const verified = verifyEvent(sent, expected, clock.nowMs());
  if (verified.type === "refused") {
    const { reason, field, problem } = verified;
    delivered?.(reason);
    // Anybody who reaches the port can send what nobody has signed.
    log[reason === "signature_invalid" ? "info" : "warn"]({ reason, field }, "a delivery was refused");
    throw new Problem(reason, {
      detail: `${field} ${problem}.`,
      remedy:
        "Check the settings of the webhook endpoint at Stripe and of this installation; docs/stripe-events.md tells them.",
      field,
    });
  }
  const { event } = verified;
  options.verified?.(event);
  try {
    const taken = await takeInEvents(db, [event], "relay", { deadlineMs: storeWithinMs });
    delivered?.(taken.length > 0 ? "taken_in" : "duplicate");
  } catch (error) {
    if (error instanceof StoreError) delivered?.("unavailable");
    throw error;
  }
}

function answerError(log: Logger, error: unknown): Response {
  const requestId = uuidV7();
  const problem = problemOf(error);
  if (problem.code === "internal_error")
    log.error({ err: error, requestId }, "a delivery failed in a way that nobody expected");
  if (problem.code === "unavailable") log.warn({ err: error, requestId }, "a delivery met an outage");
  const response = problem.toResponse(requestId);
  for (const [name, value] of Object.entries(commonHeaders(requestId))) response.headers.set(name, value);
  return response;
}

/** Whatever the database says is told as "later": Stripe sends again for days, in which somebody can look. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) return unavailable("The database");
  const remedy = "Tell the operators the requestId. Sending the same again is safe.";
  return new Problem("internal_error", { detail: "The answer is not known.", remedy });
}

function commonHeaders(requestId: string): Readonly<Record<string, string>> {
  return { "x-request-id": requestId, "cache-control": "no-store" };
}
