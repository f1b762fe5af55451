import { describe, expect, test } from "vitest";
import { Breaker, breakGateway, type StopReason } from "../../../src/stripe/breaker.ts";
import type { GatewayReply, IdempotencyKey, StripeGateway } from "../../../src/stripe/gateway.ts";
import { verbWords } from "../../../src/stripe/watched-gateway.ts";

type Reply = GatewayReply<unknown>;

const requestId = "req_1";
const done: Reply = { type: "done", value: "seen", requestId };
const lost: Reply = { type: "unknown", reason: "connection_lost", requestId };
const notNow = (reason: Extract<Reply, { type: "not_now" }>["reason"]): Reply => ({
  type: "not_now",
  reason,
  requestId,
});

/** A Stripe that answers requests and probes as told, and a clock whose sleeps end when the test says. */
function setup() {
  const stripe = { reply: done, probe: done };
  const sent: string[] = [];
  const probes: string[] = [];
  const changes: (StopReason | null)[] = [];
  const told: string[] = [];
  const sleeps: { ms: number; end: () => void }[] = [];
  const stopping = new AbortController();
  const breaker = new Breaker({
    probe: async () => {
      probes.push(stripe.probe.type);
      return stripe.probe;
    },
    clock: {
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          sleeps.push({ ms, end: resolve });
          signal?.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    },
    log: {
      error: (_: unknown, sentence?: string) => told.push(`error ${sentence}`),
      info: (_: unknown, sentence?: string) => told.push(sentence === undefined ? "info" : `info ${sentence}`),
    } as never,
    onChange: (stopped) => changes.push(stopped),
    stopping: stopping.signal,
  });
  const verbs = Object.keys(verbWords).map((verb) => [
    verb,
    async () => {
      sent.push(verb);
      return stripe.reply;
    },
  ]);
  const gateway = breakGateway(Object.fromEntries(verbs) as StripeGateway, breaker);
  return { stripe, breaker, gateway, sent, probes, changes, told, sleeps, stopping };
}

const key = "k" as IdempotencyKey;
const refund = { refundId: "r", operationId: "o", paymentIntentId: "pi_1", amountMinor: 1 };

describe("while Stripe works", () => {
  test.each([
    ["done", done],
    ["refused", { type: "refused", code: "not_found", requestId }],
    ["unexplained", { type: "unexplained", code: "odd", httpStatus: 400, requestId }],
    ["limited", notNow("rate_limited")],
    ["locked", notNow("lock_timeout")],
    ["in conflict with another request under its key", { type: "unknown", reason: "conflict", requestId }],
  ] as const)("a reply that is %s raises no suspicion", async (_, reply) => {
    const { stripe, gateway, probes } = setup();
    stripe.reply = reply;
    expect(await gateway.readInvoice("in_1")).toEqual(reply);
    expect(await gateway.voidInvoice("in_1", key)).toEqual(reply);
    expect(probes).toEqual([]);
  });

  test.each([
    ["no answer", lost],
    ["no route", notNow("unreachable")],
    ["a refusal of our key", notNow("forbidden")],
  ])("%s to one request is that request's own affair, once a probe is answered", async (_, reply) => {
    const { stripe, gateway, probes, changes } = setup();
    stripe.reply = reply;
    expect(await gateway.readInvoice("in_1")).toEqual(reply);
    expect(await gateway.refundPayment(refund, key)).toEqual(reply);
    expect(probes).toEqual(["done", "done"]);
    expect(changes).toEqual([]);
  });

  test("what our key alone may not do is told once for each verb, and when it may again", async () => {
    const { stripe, gateway, told } = setup();
    stripe.reply = notNow("forbidden");
    for (const _ of [1, 2, 3]) await gateway.refundPayment(refund, key);
    await gateway.voidInvoice("in_1", key);
    const refused = expect.stringMatching(/^error .*does not let our key do this/) as string;
    expect(told).toEqual([refused, refused]);

    // A limit, or no answer, does not tell.
    stripe.reply = notNow("rate_limited");
    await gateway.refundPayment(refund, key);
    stripe.reply = lost;
    await gateway.refundPayment(refund, key);
    expect(told).toHaveLength(2);
    stripe.reply = done;
    for (const _ of [1, 2]) await gateway.refundPayment(refund, key);
    expect(told.slice(2)).toEqual([expect.stringMatching(/^info .*lets our key do this again/)]);
  });

  test("a probe that Stripe turns away for another reason is an answer, too", async () => {
    const { stripe, gateway, breaker } = setup();
    stripe.reply = lost;
    stripe.probe = notNow("rate_limited");
    await gateway.readInvoice("in_1");
    expect(breaker.stopped).toBeNull();
  });

  test("many who suspect something at the same time ask once", async () => {
    const { stripe, gateway, probes } = setup();
    stripe.reply = lost;
    await Promise.all(Array.from({ length: 20 }, () => gateway.readInvoice("in_1")));
    expect(probes).toHaveLength(1);
  });
});

describe("when a probe has no answer either", () => {
  test.each([
    ["lost", lost, "unreachable"],
    ["unreachable", notNow("unreachable"), "unreachable"],
    ["unauthorized", notNow("unauthorized"), "unauthorized"],
    ["forbidden", notNow("forbidden"), "forbidden"],
  ] as const)("nothing is sent any more: %s", async (_, reply, reason) => {
    const { stripe, gateway, sent, changes, told } = setup();
    stripe.reply = reply;
    stripe.probe = reply;
    await gateway.readInvoice("in_1");
    for (const verb of Object.keys(verbWords) as (keyof typeof verbWords)[]) {
      const ask = gateway[verb] as (...args: unknown[]) => Promise<Reply>;
      expect(await ask("some", "thing")).toEqual({ type: "not_now", reason, requestId: null });
    }
    expect(sent).toEqual(["readInvoice"]);
    expect(changes).toEqual([reason]);
    expect(told).toEqual([expect.stringContaining("its work stops")]);
  });

  test("the look that found out is put off, and a call that may have taken effect stays unknown", async () => {
    for (const [verb, expected] of [
      ["readInvoice", { type: "not_now", reason: "unreachable", requestId }],
      ["voidInvoice", lost],
    ] as const) {
      const { stripe, gateway } = setup();
      stripe.reply = lost;
      stripe.probe = lost;
      expect(await gateway[verb]("in_1", key)).toEqual(expected);
    }
  });

  test.each([
    ["unreachable", 5_000],
    ["unauthorized", 30_000],
    ["forbidden", 30_000],
  ] as const)("Stripe is asked again, %s every %i ms, until it answers, and everything goes on", async (reason, ms) => {
    const { stripe, gateway, sleeps, probes, breaker, changes, told } = setup();
    stripe.reply = notNow(reason);
    stripe.probe = notNow(reason);
    await gateway.readInvoice("in_1");
    for (const count of [1, 2]) {
      await expect.poll(() => sleeps.length).toBe(count);
      sleeps.at(-1)?.end();
    }
    await expect.poll(() => sleeps.length).toBe(3);
    expect(sleeps.map((sleep) => sleep.ms)).toEqual([ms, ms, ms]);
    expect(probes).toHaveLength(3);

    stripe.reply = done;
    stripe.probe = done;
    sleeps.at(-1)?.end();
    await expect.poll(() => breaker.stopped).toBeNull();
    expect(await gateway.readInvoice("in_1")).toEqual(done);
    expect(changes).toEqual([reason, null]);
    expect(told.at(-1)).toBe("info");
    expect(sleeps).toHaveLength(3);
  });

  test("what stops it may change, as when a new key is wrong in another way", async () => {
    const { stripe, gateway, sleeps, changes } = setup();
    stripe.reply = lost;
    stripe.probe = lost;
    await gateway.readInvoice("in_1");
    stripe.probe = notNow("unauthorized");
    await expect.poll(() => sleeps.length).toBe(1);
    sleeps[0]?.end();
    await expect.poll(() => changes).toEqual(["unreachable", "unauthorized"]);
    await expect.poll(() => sleeps.at(-1)?.ms).toBe(30_000);
    expect(sleeps).toHaveLength(2);
  });

  test("a process that stops asks no more", async () => {
    const { stripe, gateway, sleeps, probes, stopping } = setup();
    stripe.reply = lost;
    stripe.probe = lost;
    await gateway.readInvoice("in_1");
    await expect.poll(() => sleeps.length).toBe(1);
    stopping.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sleeps).toHaveLength(1);
    expect(probes).toHaveLength(1);
  });
});
