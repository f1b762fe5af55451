import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { findEffect } from "../../src/execution/find-effect.ts";
import { Secret } from "../../src/secret.ts";
import type { GatewayReply, IdempotencyKey, StripeGateway } from "../../src/stripe/gateway.ts";
import { createStripeGateway, type StripeGatewayOptions } from "../../src/stripe/stripe-gateway.ts";

const key = "k1" as IdempotencyKey;

type Answer = { readonly status?: number; readonly body: unknown };

/** A server that gives whatever answer a test wants, as no Stripe would. Answers are found by `METHOD /path?query`. */
async function setup(answers: Readonly<Record<string, Answer>>, options: Partial<StripeGatewayOptions> = {}) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const wanted = Object.keys(answers).find((begin) => `${request.method} ${request.url}`.startsWith(begin));
    const { status = 200, body } = answers[wanted ?? ""] ?? { status: 500, body: { error: { type: "api_error" } } };
    response.writeHead(status, { "content-type": "application/json", "request-id": "req_1" });
    request.resume().on("end", () => response.end(JSON.stringify(body)));
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
    maxNetworkRetries: 0,
    ...options,
  });
  onTestFinished(() => gateway.close());
  const connectionCount = () =>
    new Promise<number>((resolve, reject) => {
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  return { gateway, requests, connectionCount };
}

const subscription = {
  id: "sub_1",
  customer: "cus_1",
  status: "active",
  cancel_at_period_end: false,
  cancel_at: null,
  ended_at: null,
  items: { data: [{ current_period_start: 1_767_834_000, current_period_end: 1_770_512_400 }] },
};
const invoice = {
  id: "in_1",
  status: "open",
  amount_due: 1_000,
  amount_paid: 0,
  billing_reason: "subscription_cycle",
  status_transitions: { paid_at: null },
  parent: { subscription_details: { subscription: "sub_1" } },
  lines: { data: [], has_more: false },
  payments: { data: [], has_more: false },
};
const line = {
  id: "il_1",
  amount: 1_000,
  period: { start: 1_767_834_000, end: 1_770_512_400 },
  parent: { type: "subscription_item_details", subscription_item_details: { proration: false } },
};
const listed = {
  id: "in_1",
  amount_paid: 1_000,
  status_transitions: { paid_at: 1_767_834_005 },
  payments: { data: [], has_more: false },
};
const paidBy = (...intents: string[]) =>
  intents.map((id) => ({ status: "paid", payment: { type: "payment_intent", payment_intent: id } }));
const refund = { id: "re_1", amount: 1_000, status: "succeeded", metadata: {} };
const charged = { id: "pi_1", latest_charge: { status: "succeeded", amount_captured: 5_000, disputed: false } };
const page = (...data: unknown[]) => ({ body: { object: "list", data, has_more: false } });
const refusedWithoutCode = { status: 400, body: { error: { type: "invalid_request_error" } } };
const notKnown = { status: 404, body: { error: { type: "invalid_request_error", code: "resource_missing" } } };
const limited = { status: 429, body: { error: { type: "invalid_request_error", code: "rate_limit" } } };

describe("a success in a shape that is not understood", () => {
  const bodies: readonly (readonly [string, unknown])[] = [
    ["null", null],
    ["a text", "ok"],
    ["a list", []],
    ["nothing", {}],
    ["an unknown status", { ...subscription, status: null }],
    ["no items", { ...subscription, items: { data: [] } }],
    ["a period without an end", { ...subscription, items: { data: [{ current_period_start: 1 }] } }],
    [
      "items of several periods",
      {
        ...subscription,
        items: { data: [...subscription.items.data, { current_period_start: 1, current_period_end: 2 }] },
      },
    ],
    [
      "items that end at different times",
      {
        ...subscription,
        items: {
          data: [...subscription.items.data, { ...subscription.items.data[0], current_period_end: 1_772_931_600 }],
        },
      },
    ],
    ["a moment in fractions", { ...subscription, ended_at: 1.5 }],
    ["a moment beyond all calendars", { ...subscription, ended_at: 9e12 }],
    ["no word about the end", { ...subscription, cancel_at_period_end: undefined }],
  ];

  test.each(bodies)("is a question to a person for a look, or no answer at all (%s)", async (_, body) => {
    const { gateway } = await setup({ "GET /v1/subscriptions/sub_1": { body } });

    const isObject = typeof body === "object" && body !== null;
    expect(await gateway.readSubscription("sub_1")).toMatchObject(
      isObject
        ? { type: "unexplained", code: "unreadable_reply", httpStatus: 200 }
        : { type: "unknown", reason: "unreadable_reply" },
    );
  });

  test.each(bodies)("is unknown for a call (%s)", async (_, body) => {
    const { gateway } = await setup({ "POST /v1/subscriptions/sub_1": { body } });

    expect(await gateway.setCancelAtPeriodEnd("sub_1", true, key)).toMatchObject({
      type: "unknown",
      reason: "unreadable_reply",
    });
  });

  test.each<[string, Readonly<Record<string, Answer>>, (gateway: StripeGateway) => Promise<GatewayReply<unknown>>]>([
    [
      "an amount in fractions",
      { GET: { body: { ...invoice, amount_due: 0.5 } } },
      (gateway) => gateway.readInvoice("in_1"),
    ],
    [
      "payments left out",
      { GET: { body: { ...invoice, payments: undefined } } },
      (gateway) => gateway.readInvoice("in_1"),
    ],
    [
      "a line without a period",
      { GET: { body: { ...invoice, lines: { data: [{ ...line, period: null }], has_more: false } } } },
      (gateway) => gateway.readInvoice("in_1"),
    ],
    [
      "a line that does not say whether it is a proration",
      {
        GET: {
          body: {
            ...invoice,
            lines: { data: [{ ...line, parent: { ...line.parent, subscription_item_details: {} } }], has_more: false },
          },
        },
      },
      (gateway) => gateway.readInvoice("in_1"),
    ],
    [
      "a paid invoice without the time",
      { GET: page({ ...listed, status_transitions: { paid_at: null } }) },
      (gateway) => gateway.listPaidInvoices("sub_1"),
    ],
    [
      "a paid invoice whose payments were not expanded",
      { GET: page({ ...listed, payments: undefined }) },
      (gateway) => gateway.listPaidInvoices("sub_1"),
    ],
    [
      "an intent whose charge is only named",
      { GET: { body: { id: "pi_1", status: "succeeded", amount_received: 5_000, latest_charge: "ch_1" } } },
      (gateway) => gateway.readPaymentIntent("pi_1"),
    ],
    [
      "an intent that received less than nothing",
      { GET: { body: { id: "pi_1", status: "succeeded", amount_received: -1, latest_charge: null } } },
      (gateway) => gateway.readPaymentIntent("pi_1"),
    ],
    [
      "a charge that is only named",
      { "GET /v1/payment_intents": { body: { id: "pi_1", latest_charge: "ch_1" } } },
      (gateway) => gateway.listRefunds("pi_1"),
    ],
    [
      "a page that is empty and has a next one",
      { "GET /v1/payment_intents": { body: charged }, "GET /v1/refunds": { body: { data: [], has_more: true } } },
      (gateway) => gateway.listRefunds("pi_1"),
    ],
    [
      "an invoice without an id",
      { GET: page({ status: "open", created: 1 }) },
      (gateway) => gateway.listUnpaidInvoices("sub_1"),
    ],
  ])("is not taken for a value: %s", async (_, answers, ask) => {
    const { gateway } = await setup(answers);

    expect(await ask(gateway)).toEqual({
      type: "unexplained",
      code: "unreadable_reply",
      httpStatus: 200,
      requestId: "req_1",
    });
  });

  test("is not what an intent with two paid payments is, nor a payment beside it that failed", async () => {
    const data = [
      ...paidBy("pi_1", "pi_1"),
      { status: "canceled", payment: { type: "payment_intent", payment_intent: "pi_2" } },
    ];
    const { gateway } = await setup({ GET: { body: { ...invoice, payments: { data, has_more: false } } } });

    expect(await gateway.readInvoice("in_1")).toMatchObject({ type: "done", value: { paymentIntentId: "pi_1" } });
  });
});

describe("an invoice that was paid by no single intent", () => {
  const byCharge = { status: "paid", payment: { type: "charge", charge: "ch_1" } };
  const ways: readonly (readonly [string, object])[] = [
    ["several intents", { data: paidBy("pi_1", "pi_2"), has_more: false }],
    ["a charge without an intent", { data: [byCharge], has_more: false }],
    ["an intent and a charge", { data: [...paidBy("pi_1"), byCharge], has_more: false }],
    ["what nobody knows", { data: [{ status: "paid", payment: { type: "tea" } }], has_more: false }],
    ["more than is listed at once", { data: paidBy("pi_1"), has_more: true }],
  ];

  test.each(ways)("says so, and names none: %s", async (_, payments) => {
    const { gateway } = await setup({
      "GET /v1/invoices/in_1": { body: { ...invoice, payments } },
      "GET /v1/invoices?": page({ ...listed, payments }, { ...listed, id: "in_2" }),
    });

    const odd = { paymentIntentId: null, isPaidOddly: true };
    expect(await gateway.readInvoice("in_1")).toMatchObject({ type: "done", value: odd });
    expect(await gateway.listPaidInvoices("sub_1")).toMatchObject({
      type: "done",
      value: { invoices: [{ id: "in_2" }, { id: "in_1", ...odd }] },
    });
  });

  test.each([
    ["by hand", [{ status: "paid", payment: { type: "payment_record" } }], null],
    ["by one, after a charge that came to nothing", [...paidBy("pi_1"), { ...byCharge, status: "canceled" }], "pi_1"],
  ])("is not one that was paid %s", async (_, data, paymentIntentId) => {
    const { gateway } = await setup({ GET: { body: { ...invoice, payments: { data, has_more: false } } } });

    const reply = await gateway.readInvoice("in_1");
    expect(reply).toMatchObject({ type: "done", value: { paymentIntentId } });
    expect(reply).not.toHaveProperty("value.isPaidOddly");
  });
});

test.each([
  ["open", "requires_action", { nextAttemptAt: "2026-02-08T01:00:00Z", awaitsConfirmation: true }],
  ["open", "requires_payment_method", { nextAttemptAt: "2026-02-08T01:00:00Z" }],
  ["canceled", "requires_action", { nextAttemptAt: "2026-02-08T01:00:00Z" }],
])("an invoice whose payment is %s, its intent %s, says what it waits for", async (status, intentStatus, expected) => {
  const data = [{ status, payment: { type: "payment_intent", payment_intent: { id: "pi_1", status: intentStatus } } }];
  const body = { ...invoice, next_payment_attempt: 1_770_512_400, payments: { data, has_more: false } };
  const { gateway } = await setup({ GET: { body } });

  const reply = await gateway.readInvoice("in_1");
  expect(reply).toMatchObject({ type: "done", value: { paymentIntentId: null, ...expected } });
  if (!("awaitsConfirmation" in expected)) expect(reply).not.toHaveProperty("value.awaitsConfirmation");
});

test("a refund of which Stripe does not say where it stands is on its way", async () => {
  const { gateway } = await setup({
    "GET /v1/payment_intents": { body: charged },
    "GET /v1/refunds": page({ ...refund, status: null }),
  });

  expect(await gateway.listRefunds("pi_1")).toMatchObject({
    value: { leftMinor: 4_000, refunds: [{ stripeRefundStatus: "pending" }] },
  });
});

test("a subscription that has ended is read whatever its items' periods were", async () => {
  const data = [...subscription.items.data, { current_period_start: 1, current_period_end: 2 }];
  const body = { ...subscription, status: "canceled", ended_at: 1_770_512_400, items: { data } };
  const { gateway } = await setup({ DELETE: { body } });

  expect(await gateway.cancelSubscription("sub_1")).toMatchObject({ type: "done", value: { id: "sub_1" } });
});

describe("the lines of an invoice that has more than come at once", () => {
  const first = { ...invoice, lines: { data: [line], has_more: true } };
  const more = (...ids: string[]) => ({ data: ids.map((id) => ({ ...line, id })), has_more: false });
  const path = "/v1/invoices/in_1/lines?limit=100&starting_after=";

  test.each<[string, string, (gateway: StripeGateway) => Promise<GatewayReply<unknown>>]>([
    ["looked at", "GET /v1/invoices/in_1?", (gateway) => gateway.readInvoice("in_1")],
    ["voided", "POST /v1/invoices/in_1/void", (gateway) => gateway.voidInvoice("in_1", key)],
    ["stopped", "POST /v1/invoices/in_1", (gateway) => gateway.stopInvoice("in_1", key)],
  ])("are read on, when it is %s", async (_, request, ask) => {
    const { gateway } = await setup({
      [`GET ${path}il_1`]: { body: { ...more("il_2", "il_3"), has_more: true } },
      [`GET ${path}il_3`]: { body: more("il_4") },
      [request]: { body: first },
    });

    const reply = await ask(gateway);

    const lines = ["il_1", "il_2", "il_3", "il_4"].map((id) => expect.objectContaining({ id }));
    expect(reply).toMatchObject({ type: "done", value: { id: "in_1", lines } });
  });

  test("make a call unknown as long as they are not to be had, and a look unanswered", async () => {
    const { gateway } = await setup({
      "GET /v1/invoices/in_1/lines": limited,
      "GET /v1/invoices/in_1": { body: first },
      "POST /v1/invoices/in_1/void": { body: first },
    });

    expect(await gateway.voidInvoice("in_1", key)).toMatchObject({ type: "unknown" });
    expect(await gateway.readInvoice("in_1")).toMatchObject({ type: "not_now", reason: "rate_limited" });
  });
});

describe("the lines of an invoice", () => {
  const readLine = async (parent: unknown) => {
    const lines = { data: [{ ...line, parent }], has_more: false };
    const { gateway } = await setup({ GET: { body: { ...invoice, lines } } });
    const reply = await gateway.readInvoice("in_1");
    return reply.type === "done" && reply.value.type === "found" ? reply.value.lines[0] : reply;
  };

  test("tell a period from what was added, and both from what makes up for a change", async () => {
    expect(await readLine(line.parent)).toEqual({
      id: "il_1",
      amountMinor: 1_000,
      startsAt: "2026-01-08T01:00:00Z",
      endsAt: "2026-02-08T01:00:00Z",
      billsSubscription: true,
      isProration: false,
    });
    const proration = { type: "subscription_item_details", subscription_item_details: { proration: true } };
    expect(await readLine(proration)).toMatchObject({ billsSubscription: true, isProration: true });
    const added = { type: "invoice_item_details", invoice_item_details: { proration: false } };
    expect(await readLine(added)).toMatchObject({ billsSubscription: false, isProration: false });
    const credited = { type: "invoice_item_details", invoice_item_details: { proration: true } };
    expect(await readLine(credited)).toMatchObject({ billsSubscription: false, isProration: true });
    expect(await readLine(null)).toMatchObject({ billsSubscription: false, isProration: false });
  });

  test("stand under the subscription that the invoice bills, expanded or not, or under none", async () => {
    const read = async (parent: unknown) => {
      const { gateway } = await setup({ GET: { body: { ...invoice, parent, billing_reason: null } } });
      return gateway.readInvoice("in_1");
    };
    const expanded = { subscription_details: { subscription: { id: "sub_1" } } };
    expect(await read(expanded)).toMatchObject({ value: { subscriptionId: "sub_1", billingReason: null } });
    expect(await read(null)).toMatchObject({ value: { subscriptionId: null } });
    expect(await read({ subscription_details: null })).toMatchObject({ value: { subscriptionId: null } });
  });
});

test("an intent whose last charge failed was paid at no time", async () => {
  const body = {
    id: "pi_1",
    status: "requires_payment_method",
    amount_received: 0,
    latest_charge: { status: "failed", created: 1_767_834_000 },
  };
  const { gateway } = await setup({ GET: { body } });

  expect(await gateway.readPaymentIntent("pi_1")).toMatchObject({ type: "done", value: { paidAt: null } });
});

test("a draft that is finalized between the two lists is listed once, as open", async () => {
  const listed = (id: string, status: string, created: number) => ({ id, status, created });
  const { gateway, requests } = await setup({
    "GET /v1/invoices?subscription=sub_1&status=draft": page(listed("in_2", "draft", 2)),
    "GET /v1/invoices?subscription=sub_1&status=open": page(listed("in_1", "open", 1), listed("in_2", "open", 2)),
  });

  expect(await gateway.listUnpaidInvoices("sub_1")).toMatchObject({
    value: {
      invoices: [
        { id: "in_2", stripeInvoiceStatus: "open" },
        { id: "in_1", stripeInvoiceStatus: "open" },
      ],
    },
  });
  // The other way round it would be in neither.
  expect(requests.map(({ url }) => /status=(\w+)/.exec(url ?? "")?.[1])).toEqual(["draft", "open"]);
});

test("refunds that Stripe will not list are not taken for a payment that is missing", async () => {
  const { gateway } = await setup({ "GET /v1/payment_intents": { body: charged }, "GET /v1/refunds": notKnown });

  expect(await gateway.listRefunds("pi_1")).toMatchObject({ type: "refused", code: "not_found" });
});

test("a charge whose last attempt failed has nothing to refund", async () => {
  const failed = { ...charged, latest_charge: { ...charged.latest_charge, status: "failed" } };
  const { gateway } = await setup({ "GET /v1/payment_intents": { body: failed }, "GET /v1/refunds": page() });

  expect(await gateway.listRefunds("pi_1")).toMatchObject({ value: { chargedMinor: 0, leftMinor: 0 } });
});

describe("a void that is refused", () => {
  const post = "POST /v1/invoices/in_1/void";

  test("says so while the invoice is open all the same", async () => {
    const { gateway } = await setup({ [post]: refusedWithoutCode, "GET /v1/invoices/in_1": { body: invoice } });

    expect(await gateway.voidInvoice("in_1", key)).toMatchObject({ type: "unexplained", code: "invoice_still_open" });
  });

  test("is unknown as long as the invoice cannot be read", async () => {
    const { gateway } = await setup({ [post]: refusedWithoutCode, "GET /v1/invoices/in_1": limited });

    expect(await gateway.voidInvoice("in_1", key)).toMatchObject({ type: "unknown" });
  });
});

describe("a stop that is refused", () => {
  const post = "POST /v1/invoices/in_1";
  const stop = async (read: Answer) => {
    const { gateway } = await setup({ [post]: refusedWithoutCode, "GET /v1/invoices/in_1": read });
    return gateway.stopInvoice("in_1", key);
  };

  test.each(["open", "paid", "void"])("is no question once the invoice is %s", async (status) => {
    expect(await stop({ body: { ...invoice, status } })).toMatchObject({ type: "refused", code: "invoice_not_open" });
  });

  test("is done for a draft that stays one, and a question for any other", async () => {
    const draft = { ...invoice, status: "draft" };
    expect(await stop({ body: { ...draft, auto_advance: false } })).toMatchObject({ type: "done" });
    expect(await stop({ body: { ...draft, auto_advance: true } })).toMatchObject({ type: "unexplained" });
    expect(await stop(limited)).toMatchObject({ type: "unknown" });
  });
});

describe("a page of events", () => {
  const wanted = { since: "2026-04-20T00:00:00.900Z", after: "evt_9" };

  test("is asked for to the second, after the last one", async () => {
    const { gateway, requests } = await setup({ "GET /v1/events": page({ id: "evt_8" }) });

    const reply = await gateway.listEvents(wanted);

    const toldAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(reply).toMatchObject({ type: "done", value: { events: [{ id: "evt_8" }], nextAfter: null, toldAt } });
    const asked = new URL(requests[0]?.url ?? "", "http://x").searchParams;
    expect(asked.get("created[gte]")).toBe("1776643200");
    expect(asked.get("starting_after")).toBe("evt_9");
  });

  test("may be followed by another, which begins after its last", async () => {
    const more = { object: "list", data: [{ id: "evt_8" }, { id: "evt_7" }], has_more: true };
    const { gateway } = await setup({ "GET /v1/events": { body: more } });

    expect(await gateway.listEvents(wanted)).toMatchObject({ type: "done", value: { nextAfter: "evt_7" } });
  });

  test.each([
    { data: [], has_more: true },
    { data: [{ object: "event" }], has_more: true },
    { data: [{ id: "evt_8" }] },
    { data: ["evt_8"], has_more: false },
  ])("from which nobody knows how the list goes on is no answer: %j", async (body) => {
    const { gateway } = await setup({ "GET /v1/events": { body: { object: "list", ...body } } });

    expect(await gateway.listEvents(wanted)).toMatchObject({ type: "unexplained", code: "unreadable_reply" });
  });
});

describe("a customer's subscriptions", () => {
  const two = {
    items: {
      data: [
        { current_period_start: 1, current_period_end: 2 },
        { current_period_start: 1, current_period_end: 3 },
      ],
    },
  };

  test("are listed though one of them, as no contract has, cannot be read", async () => {
    const { gateway } = await setup({
      "GET /v1/subscriptions": page(subscription, { ...subscription, id: "sub_2", ...two }),
    });

    expect(await gateway.listSubscriptions("cus_1")).toMatchObject({
      type: "done",
      value: [
        { id: "sub_1", seen: { type: "found" } },
        { id: "sub_2", seen: null },
      ],
    });
  });

  test.each([{ status: "active" }, { id: "sub_1", status: "active", items: {} }])(
    "are no answer where one has no name or sells nobody knows what: %j",
    async (odd) => {
      const { gateway } = await setup({ "GET /v1/subscriptions": page(odd) });

      expect(await gateway.listSubscriptions("cus_1")).toMatchObject({ type: "unexplained", code: "unreadable_reply" });
    },
  );
});

describe("a customer's charges", () => {
  const charge = { id: "ch_1", status: "succeeded", amount_captured: 1_000, disputed: false, payment_intent: "pi_1" };
  const none = { data: [], has_more: false };

  test("leave out those that failed, and keep one without an intent", async () => {
    const failed = { ...charge, id: "ch_2", status: "failed", amount_captured: 0, refunds: none };
    const bare = { ...charge, id: "ch_3", payment_intent: null, refunds: none };
    const { gateway } = await setup({ "GET /v1/charges": page({ ...charge, refunds: none }, failed, bare) });

    expect(await gateway.listCharges("cus_1")).toMatchObject({
      type: "done",
      value: [
        { id: "ch_1", paymentIntentId: "pi_1", refunds: { chargedMinor: 1_000, leftMinor: 1_000, refunds: [] } },
        { id: "ch_3", paymentIntentId: null },
      ],
    });
  });

  test.each([charge, { ...charge, refunds: none, amount_captured: "1000" }])(
    "are no answer without their refunds, or an amount: %j",
    async (odd) => {
      const { gateway } = await setup({ "GET /v1/charges": page(odd) });

      expect(await gateway.listCharges("cus_1")).toMatchObject({ type: "unexplained", code: "unreadable_reply" });
    },
  );
});

test("a cancellation of a subscription that is unknown and yet runs is a question to a person", async () => {
  const { gateway } = await setup({ DELETE: notKnown, GET: { body: subscription } });

  expect(await gateway.cancelSubscription("sub_1")).toMatchObject({ type: "unexplained", httpStatus: 404 });
});

test("a cancellation of a subscription that never began is done, whether or not Stripe gives its end a time", async () => {
  const body = { ...subscription, status: "incomplete_expired", ended_at: null };
  const { gateway } = await setup({ DELETE: notKnown, GET: { body } });

  const found = { type: "done", value: { stripeSubscriptionStatus: "incomplete_expired" } };
  expect(await gateway.cancelSubscription("sub_1")).toMatchObject(found);
  const call = { verb: "cancel_subscription", subscriptionId: "sub_1" } as const;
  expect(await findEffect(gateway, call)).toMatchObject({ type: "found" });
});

test("requests name the pinned version and our name, measure nothing, and share a connection until it is closed", async () => {
  const { gateway, requests, connectionCount } = await setup({ GET: { body: subscription } });

  await gateway.readSubscription("sub_1");
  await gateway.readSubscription("sub_1");

  expect(requests).toHaveLength(2);
  for (const { headers } of requests) {
    expect(headers["stripe-version"]).toBe("2026-10-28.endive");
    expect(headers["user-agent"]).toMatch(/ keiyaku\/\d/);
    expect(headers).not.toHaveProperty("x-stripe-client-telemetry");
  }
  expect(await connectionCount()).toBe(1);
  gateway.close();
  await expect.poll(connectionCount).toBe(0);
});

test.each([
  ["is for the connected account, when one is set", "acct_1", "acct_1"],
  ["is for the account of its key otherwise", null, undefined],
])("every request %s", async (_, account, header) => {
  const { gateway, requests } = await setup({ "GET /v1/subscriptions/sub_1": { body: subscription } }, { account });
  expect(await gateway.readSubscription("sub_1")).toMatchObject({ type: "done" });
  expect(requests.map(({ headers }) => headers["stripe-account"])).toEqual([header]);
});
