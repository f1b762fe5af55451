import { expect, it, onTestFinished } from "vitest";
import { InvalidRequest, type StripeDelivery } from "../../../src/client.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { closeQueue, openQueue } from "../../../src/queue/queue-backend.ts";
import { startSupervisedWorker } from "../../../src/queue/supervised-worker.ts";
import { createStripeEventsProcessor } from "../../../workers/stripe-events.ts";
import { type BackendType, describeOnBackends } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { bodyOf, eventOf, expectedEvents, invoice, otherWebhookSecret, signedAt } from "../../support/stripe-events.ts";
import { silentLog } from "../../support/test-database.ts";
import { clientOf, rejectionOf, setUpStoreAndQueue } from "./set-up-client.ts";

const hourMs = 3_600_000;

async function setUp(type: BackendType) {
  const { store, queue } = await setUpStoreAndQueue(type, "stripe-events");
  const client = clientOf(queue.clientOptions);
  const answers: string[] = [];
  /** Starts a worker on the queue, as `keiyaku start` does; it ends with the test. */
  const work = async (clock: Clock = systemClock) => {
    const opened = await openQueue(queue.backend, "stripe-events", 10_000);
    const stopping = new AbortController();
    const worker = startSupervisedWorker({
      backend: queue.backend,
      name: "stripe-events",
      processor: createStripeEventsProcessor({
        db: store.db,
        clock,
        log: silentLog,
        expected: expectedEvents(),
        arrived: (answer) => answers.push(answer),
        stopping: stopping.signal,
      }),
      concurrency: 4,
      queue: opened,
      log: silentLog,
      clock: systemClock,
    });
    onTestFinished(async () => {
      stopping.abort();
      await worker.close(5_000);
      await closeQueue(opened, 1_000);
    });
  };
  const emptied = () =>
    eventually(async () => Object.values(await queue.counts()).every((count) => count === 0), {
      withinMs: 20_000,
      describe: "a queue without jobs, finished ones included",
    });
  const inbox = () => store.sql`select id, type, arrived_by, state from keiyaku.stripe_events order by type, id`;
  const refusals = () => store.sql`
    select request_id, contract_id, code, field, content, times from keiyaku.refused_requests order by field, id`;
  return { store, queue, client, answers, work, emptied, inbox, refusals };
}

/** A delivery of Stripe's of this moment. */
function delivery(event: object = eventOf("invoice.paid", invoice()), atMs = systemClock.nowMs()) {
  const body = bodyOf(event);
  return { body, signature: signedAt(body, atMs) };
}

describeOnBackends("the queue stripe-events", (type) => {
  it("brings what Stripe sent into the inbox, each event once, and keeps nothing of it", async () => {
    const { client, queue, answers, work, emptied, inbox } = await setUp(type);
    const failed = eventOf("invoice.payment_failed", invoice());
    expect(await client.forwardStripeEvent(delivery(failed))).toEqual({ queued: true });
    // Sent again by Stripe, signed anew; and handed on as the bytes that came.
    const again = delivery(failed, systemClock.nowMs() - 60_000);
    await client.forwardStripeEvent({ ...again, body: Buffer.from(again.body) });
    await client.forwardStripeEvent(delivery());
    expect(await queue.counts()).toMatchObject({ waiting: 3 });
    expect(await queue.contents()).toContain("hanako@example.com");

    await work();
    await emptied();

    expect(await inbox()).toMatchObject([
      { type: "invoice.paid", arrived_by: "queue", state: "received" },
      { id: failed.id, type: "invoice.payment_failed", arrived_by: "queue", state: "received" },
    ]);
    expect(answers.toSorted()).toEqual(["duplicate", "taken_in", "taken_in"]);
    expect(await queue.contents()).not.toMatch(/hanako|花子/);
  });

  it("holds the very same delivery once while it waits", async () => {
    const { client, queue } = await setUp(type);
    const twice = delivery();

    await client.forwardStripeEvent(twice);
    await client.forwardStripeEvent(twice);

    expect(await queue.counts()).toMatchObject({ waiting: 1 });
  });

  it("takes what has waited for hours: a signature ages by when it was queued", async () => {
    const { client, work, emptied, inbox } = await setUp(type);
    await client.forwardStripeEvent(delivery());

    await work({ ...systemClock, nowMs: () => systemClock.nowMs() + 48 * hourMs });
    await emptied();

    expect(await inbox()).toHaveLength(1);
  });

  it("believes nobody who can write into it: what is not signed, or not well, is written down without its content", async () => {
    const { queue, answers, work, emptied, inbox, refusals } = await setUp(type);
    const nowMs = systemClock.nowMs();
    const add = (data: unknown, options: object = {}, name = "delivery") =>
      queue.foreign.add(name, data, { attempts: 3, ...options });
    const good = delivery(eventOf("customer.subscription.deleted", invoice()));
    await add({ v: 1, body: good.body, signature: signedAt(good.body, nowMs, otherWebhookSecret) });
    await add({ v: 1, body: good.body.replace("in_1", "in_2"), signature: good.signature });
    // Recorded, and queued again an hour later; and one that claims to have been queued in the future.
    await add({ v: 1, ...delivery(undefined, nowMs - hourMs) });
    await add({ v: 1, ...delivery(undefined, nowMs + hourMs) }, { timestamp: nowMs + hourMs });
    await add({ v: 1, ...delivery({ ...eventOf("invoice.paid", invoice()), livemode: true }) });
    await add({ v: 2, ...good });
    await add({ v: 1, body: JSON.parse(good.body), signature: good.signature });
    await add({ v: 1, ...good }, {}, "event");

    await work();
    await emptied();

    expect(await inbox()).toEqual([]);
    expect(answers.toSorted()).toEqual([
      "payload_invalid",
      "payload_invalid",
      "payload_invalid",
      "signature_ahead",
      "signature_expired",
      "signature_invalid",
      "signature_invalid",
      "wrong_mode",
    ]);
    const rows = await refusals();
    expect(rows.map(({ field, times }) => `${field} ${times}`)).toEqual([
      "body 1",
      "job name 1",
      "livemode 1",
      "signature 1",
      "signature 1",
      "signature 1",
      "signature 1",
      "v 1",
    ]);
    for (const row of rows) {
      expect(row).toMatchObject({ request_id: null, contract_id: null, code: "invalid_request", content: "" });
    }
    expect(await queue.contents()).not.toMatch(/hanako|花子/);
  });

  it("keeps nothing of a delivery whose job has failed for good", async () => {
    const { store, queue, work, emptied } = await setUp(type);
    await store.db.close(1_000);
    Object.assign(store.db, { run: () => Promise.reject(new TypeError("unexpected")) });
    await queue.foreign.add("delivery", { v: 1, ...delivery() }, { attempts: 1 });

    await work();
    await emptied();

    expect(await queue.contents()).not.toMatch(/hanako|花子/);
  });

  it.each<[string, Partial<Record<keyof StripeDelivery, unknown>>, string]>([
    ["a body that was parsed", { body: { object: "event" } }, "body"],
    ["bytes that are no text", { body: Buffer.from([0xff]) }, "body"],
    ["a body of more than a mebibyte", { body: "請".repeat(349_526) }, "body"],
    ["a body with a NUL", { body: "\0" }, "body"],
    ["no body", { body: "" }, "body"],
    ["no signature", { signature: undefined }, "signature"],
  ])("is not reached by %s: the client names the field", async (_, wrong, field) => {
    const { queue, client } = await setUp(type);

    const { error } = await rejectionOf(client.forwardStripeEvent({ ...delivery(), ...wrong } as StripeDelivery));

    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error).toMatchObject({ field });
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
  });
});
