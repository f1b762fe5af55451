import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { eventTypes } from "../../../src/stripe/events.ts";
import { describeOnBackend } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { bodyOf, eventOf, invoice, signedAt, webhookSecret } from "../../support/stripe-events.ts";
import { endWorkerProcesses, type WorkerProcess } from "../../support/worker-process.ts";
import { setUp, type World } from "./set-up.ts";

afterEach(endWorkerProcesses);

const env = { STRIPE_WEBHOOK_SECRETS: webhookSecret };
const purchase = {
  customers: [{ id: "cus_hanako" }],
  paymentIntents: [{ id: "pi_purchase", customer: "cus_hanako", amount: 10_000 }],
};

/** Has the stand-in send what happens to a relay, signed with this secret, and make something happen. */
async function refundAtStripe({ stripe }: World, relay: WorkerProcess, secret: string) {
  const url = await relay.webhookUrl();
  await stripe.control.addWebhookEndpoint({ url, secret, enabledEvents: [...eventTypes] });
  await stripe.control.seed(purchase);
  await fetch(`${stripe.url}/v1/refunds`, {
    method: "POST",
    headers: { authorization: `Bearer ${stripe.secretKey}`, "idempotency-key": "by-the-test" },
    body: new URLSearchParams({ payment_intent: "pi_purchase", amount: "100" }),
  });
  const attempted = async () => {
    const deliveries = await stripe.control.deliveries();
    return deliveries.length === 2 && deliveries.every(({ attempts }) => attempts.length > 0) ? deliveries : undefined;
  };
  const deliveries = await eventually(attempted, { withinMs: 20_000, describe: "two deliveries" });
  return deliveries.map(({ type, attempts }) => [type, attempts[0]?.status]);
}

const inboxOf = ({ sql }: World) => sql`select id, type, arrived_by from keiyaku.stripe_events order by type`;

describeOnBackend("the relay", "redis", (type) => {
  it("takes what Stripe sends while Redis is down, and by itself when it is told to", async () => {
    const world = await setUp(type);
    const relay = await world.worker({ env, roles: ["relay"] });
    await world.queue.killRedis();

    expect(await refundAtStripe(world, relay, webhookSecret)).toEqual([
      ["refund.created", 200],
      ["charge.refunded", 200],
    ]);

    expect(await inboxOf(world)).toMatchObject([
      { type: "charge.refunded", arrived_by: "relay" },
      { type: "refund.created", arrived_by: "relay" },
    ]);
    // A start needs no Redis either.
    relay.kill("SIGTERM");
    expect(await relay.ended()).toEqual({ code: 0, signal: null });
    const again = await world.worker({ env, roles: ["relay"] });
    const body = bodyOf(eventOf("invoice.paid", invoice()));
    const headers = { "stripe-signature": signedAt(body, systemClock.nowMs()) };
    expect((await fetch(await again.webhookUrl(), { method: "POST", body, headers })).status).toBe(200);
    expect((await again.ask("/readyz")).status).toBe(200);
    expect(await (await again.ask("/metrics")).text()).toContain(
      'keiyaku_stripe_events_total{way="relay",answer="taken_in"} 1',
    );
  });

  it("goes on in a process that does everything, when Redis goes down under it", async () => {
    const world = await setUp(type);
    const worker = await world.worker({ env });
    expect(await worker.logged(({ msg }) => msg === "the worker is ready")).toMatchObject({
      roles: ["operations", "catalog", "events", "notifications", "maintenance", "relay"],
    });
    await world.queue.killRedis();
    onTestFinished(() => world.queue.startRedisAgain());

    expect(await refundAtStripe(world, worker, webhookSecret)).toEqual([
      ["refund.created", 200],
      ["charge.refunded", 200],
    ]);
    expect(await inboxOf(world)).toHaveLength(2);
  });
});

describe("the relay", () => {
  it("refuses what is signed with another secret, and Stripe keeps it", async () => {
    const world = await setUp("postgres");
    const relay = await world.worker({ env, roles: ["relay"] });

    expect(await refundAtStripe(world, relay, "whsec_of_somebody_else")).toEqual([
      ["refund.created", 400],
      ["charge.refunded", 400],
    ]);

    expect(await inboxOf(world)).toEqual([]);
    expect((await world.stripe.control.deliveries()).map(({ state }) => state)).toEqual(["waiting", "waiting"]);
  });

  it("does not start without secrets, and says which setting is missing", async () => {
    const world = await setUp("postgres");
    const relay = world.startingWorker({ roles: ["relay"] });

    expect(await relay.ended()).toMatchObject({ code: 1 });
    expect(relay.said()).toContain("STRIPE_WEBHOOK_SECRETS is not set");
  });
});

describe("the queue's deliveries", () => {
  it("wait for a process that has secrets, and are taken by the one that has", async () => {
    const world = await setUp("postgres");
    const poor = await world.worker({ roles: ["events"] });
    await poor.logged(({ msg }) => msg.startsWith("STRIPE_WEBHOOK_SECRETS is not set"));
    const body = bodyOf(eventOf("invoice.paid", invoice()));
    await world.client().forwardStripeEvent({ body, signature: signedAt(body, systemClock.nowMs()) });
    expect(await (await poor.ask("/metrics")).text()).toMatch(
      /keiyaku_queue_jobs\{queue="stripe-events",state="waiting"\} 1/,
    );

    await world.worker({ env, roles: ["events"] });

    await eventually(async () => (await inboxOf(world)).length === 1, { withinMs: 20_000, describe: "the event" });
    expect(await inboxOf(world)).toMatchObject([{ type: "invoice.paid", arrived_by: "queue" }]);
    expect(await world.sql`select * from keiyaku.refused_requests`).toEqual([]);
  });
});
