import { Agent, createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Call } from "../../src/contract/step.ts";
import { Secret } from "../../src/secret.ts";
import { type IdempotencyKey, send } from "../../src/stripe/gateway.ts";
import { createHttpClient } from "../../src/stripe/http-client.ts";
import { Pace } from "../../src/stripe/pace.ts";
import { createStripeGateway, type StripeGatewayOptions } from "../../src/stripe/stripe-gateway.ts";
import { eventually } from "../support/eventually.ts";

/*
 * What each single sending keeps to, of which the SDK, the pace and the gateway may make several: that it leaves in time or
 * not at all, and that its answer is waited for so long and no longer.
 */

type Respond = (response: ServerResponse, number: number) => void;

/** A server that answers as a test wants, told which request this is, counted from 1. */
async function setup(respond: Respond, options: Partial<StripeGatewayOptions> = {}) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.split("?")[0]}`);
    const number = requests.length;
    request.resume().on("end", () => respond(response, number));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const gateway = createStripeGateway({
    secretKey: new Secret("sk_test_abc"),
    apiBase: `http://127.0.0.1:${port}`,
    ...options,
  });
  onTestFinished(() => gateway.close());
  const connections = () =>
    new Promise<number>((resolve, reject) => {
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  return { gateway, server, port, requests, connections };
}

const key = "k1" as IdempotencyKey;
const refund = { refundId: "r_1", operationId: "op_1", paymentIntentId: "pi_1", amountMinor: 2_000 };

function answerWith(response: ServerResponse, status: number, headers: Record<string, string> = {}, code?: string) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { type: "api_error", message: "no", code } }));
}

/** An answer of which a byte comes now and then, and the end never. */
function drip(response: ServerResponse) {
  response.writeHead(200, { "content-type": "application/json" });
  const dripping = setInterval(() => response.write(" "), 20);
  response.on("close", () => clearInterval(dripping));
}

describe("a call that may not be sent any more", () => {
  const calls: readonly Call[] = [
    { verb: "cancel_subscription", subscriptionId: "sub_1" },
    { verb: "set_cancel_at_period_end", subscriptionId: "sub_1", cancelAtPeriodEnd: true },
    { verb: "clear_cancel_at", subscriptionId: "sub_1" },
    { verb: "void_invoice", invoiceId: "in_1" },
    { verb: "stop_invoice", invoiceId: "in_1" },
    { verb: "refund_payment", refundId: "r_1", paymentIntentId: "pi_1", amountMinor: 1 },
  ];
  test.each(calls)("is not sent: $verb", async (call) => {
    const { gateway, requests } = await setup((response) => answerWith(response, 500));
    const sender = { operationId: "op_1", key, mayBeSent: () => false };

    expect(await send(gateway, call, sender)).toEqual({ type: "not_now", reason: "process_paused", requestId: null });
    expect(requests).toEqual([]);
  });

  test("is not sent when its time ran out while it waited for its turn", async () => {
    const wakers: (() => void)[] = [];
    let nowMs = 0;
    const clock = {
      monotonicMs: () => nowMs,
      sleep: () => new Promise<void>((resolve) => wakers.push(resolve)),
    };
    const pace = new Pace({ perSecond: 1, perEndpoint: 1 }, clock);
    const { gateway, requests } = await setup((response) => answerWith(response, 400), { pace });
    await gateway.refundPayment(refund, key);
    let mayBeSent = true;
    const waiting = gateway.refundPayment(refund, key, () => mayBeSent);
    await eventually(async () => wakers.length > 0, { withinMs: 5_000, describe: "the wait for its turn" });

    mayBeSent = false;
    // The SDK tries once more, as after any failure of the network, and waits for its turn again.
    const waking = setInterval(() => {
      nowMs += 1_000;
      for (const wake of wakers.splice(0)) wake();
    }, 5);
    onTestFinished(() => clearInterval(waking));
    expect(await waiting).toEqual({ type: "not_now", reason: "process_paused", requestId: null });
    expect(requests).toEqual(["POST /v1/refunds"]);
  });

  test("is not sent when its time ran out while the connection was made", async () => {
    const { port, requests } = await setup((response) => answerWith(response, 500));
    const connecting: (() => void)[] = [];
    const agent = new Agent({
      lookup: (_, __, found) => void connecting.push(() => found(null, [{ address: "127.0.0.1", family: 4 }])),
    });
    onTestFinished(() => agent.destroy());
    let mayBeSent = true;
    const client = createHttpClient(agent, () => ({ mayBeSent: () => mayBeSent, over: new AbortController().signal }));
    const asked = client.makeRequest("stripe.test", String(port), "/v1/refunds", "POST", {}, "", "http", 5_000);

    await eventually(async () => connecting.length > 0, { withinMs: 5_000, describe: "the search for the host" });
    await new Promise((resolve) => setImmediate(resolve));
    mayBeSent = false;
    for (const connect of connecting) connect();
    await expect(asked).rejects.toMatchObject({ code: "TOO_LATE_TO_SEND" });
    expect(requests).toEqual([]);
  });

  test("is unknown when an earlier sending, of which nobody knows the end, has left in time", async () => {
    let mayBeSent = true;
    const { gateway, requests } = await setup((response) => {
      mayBeSent = false;
      response.destroy();
    });

    expect(await gateway.refundPayment(refund, key, () => mayBeSent)).toMatchObject({ type: "unknown" });
    expect(requests).toEqual(["POST /v1/refunds"]);
  });

  test("is looked up all the same when a sending in time was told of an object that is not there", async () => {
    const { gateway, requests } = await setup((response) => answerWith(response, 404, {}, "resource_missing"));
    const answers = [true, false];
    await gateway.cancelSubscription("sub_1", () => answers.shift() ?? false);
    expect(requests).toEqual(["DELETE /v1/subscriptions/sub_1", "GET /v1/subscriptions/sub_1"]);
  });
});

describe("an answer that never ends", () => {
  const options = { timeoutMs: 5_000, withinMs: 400 } as const;

  test.each([
    ["a call", "refundPayment"],
    ["a look", "readSubscription"],
  ] as const)("to %s is unknown once its time is over, and its connection is cut", async (_, verb) => {
    const { gateway, connections, requests } = await setup(drip, options);
    const startedAt = performance.now();
    const asked = verb === "refundPayment" ? gateway.refundPayment(refund, key) : gateway.readSubscription("sub_1");

    expect(await asked).toMatchObject({ type: "unknown", reason: "timeout" });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(requests).toHaveLength(1);
    await eventually(async () => (await connections()) === 0, { withinMs: 5_000, describe: "the connection's end" });
  });

  test("takes no more time for each of the requests that a look is made of", async () => {
    // Each page comes in time by itself; all of them together do not.
    const { gateway, requests } = await setup((response, number) => {
      const page = { data: [{ id: `in_${number}`, status: "draft", created: number }], has_more: true };
      setTimeout(() => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(page));
      }, 150);
    }, options);
    const startedAt = performance.now();

    expect(await gateway.listUnpaidInvoices("sub_1")).toMatchObject({ type: "unknown", reason: "timeout" });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(requests.length).toBeGreaterThan(1);
    expect(requests.length).toBeLessThan(5);
  });

  test("does not keep the SDK trying after its time is over", async () => {
    // Nothing is said for longer than a sending may be silent, and the repetition meets the end of all time.
    const { gateway, requests } = await setup(() => undefined, { timeoutMs: 250, withinMs: 400 });
    const startedAt = performance.now();

    expect(await gateway.refundPayment(refund, key)).toMatchObject({ type: "unknown", reason: "timeout" });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(requests).toEqual(["POST /v1/refunds"]);
  });
});

describe("a sending that the SDK repeats by itself", () => {
  test.each([
    ["a request that is still at work on the key", 409],
    ["an error behind Stripe", 424],
    ["an error of Stripe's", 500],
  ])("leaves the whole unknown when it met %s (%i), whatever the last one says", async (_, status) => {
    const { gateway, requests } = await setup((response, number) => {
      if (number === 1) answerWith(response, status, { "stripe-should-retry": "true" });
      else answerWith(response, 429);
    });

    expect(await gateway.refundPayment(refund, key)).toMatchObject({ type: "unknown", reason: "connection_lost" });
    expect(requests).toHaveLength(2);
  });

  test("leaves it certain when every one of them was turned away", async () => {
    const { gateway, requests } = await setup((response) => {
      answerWith(response, 429, { "stripe-should-retry": "true" });
    });

    expect(await gateway.refundPayment(refund, key)).toMatchObject({ type: "not_now", reason: "rate_limited" });
    expect(requests).toHaveLength(2);
  });
});

test("a connection is used again, and each request on it is asked whether it may leave", async () => {
  let opened = 0;
  const { gateway, server, requests } = await setup((response) => answerWith(response, 400));
  server.on("connection", () => {
    opened += 1;
  });
  await gateway.refundPayment(refund, key, () => true);
  await gateway.refundPayment(refund, key, () => true);
  expect(opened).toBe(1);
  expect(await gateway.refundPayment(refund, key, () => false)).toMatchObject({ reason: "process_paused" });
  expect(requests).toHaveLength(2);
});
