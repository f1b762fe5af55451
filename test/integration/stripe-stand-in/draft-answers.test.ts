import { expect, test } from "vitest";
import type { WebhookEndpointInput } from "../../../sandbox/stripe/webhooks/webhook-endpoint.ts";
import { eventually } from "../../support/eventually.ts";
import { DAY, FEBRUARY, FINAL, HOUR, setUpClock } from "./set-up-clock.ts";
import { setUpReceiver } from "./set-up-receiver.ts";
import { SHOP, setUpStandIn } from "./set-up-stand-in.ts";

/** A subscription on a test clock, and an endpoint that is told of its drafts. */
async function setUp(endpoint: Partial<WebhookEndpointInput> = {}) {
  const bundle = await setUpClock();
  const receiver = await setUpReceiver();
  await bundle.control.addWebhookEndpoint({ url: receiver.url, enabledEvents: ["invoice.created"], ...endpoint });
  return { ...bundle, ...receiver };
}

test("an endpoint that answers at once delays nothing, in one leap as in steps", async () => {
  const { advanceTo, latestInvoice, received } = await setUp();

  await advanceTo(FINAL);

  expect(received).toHaveLength(1);
  expect(await latestInvoice()).toMatchObject({
    status: "paid",
    webhooks_delivered_at: FEBRUARY,
    status_transitions: { finalized_at: FINAL },
  });
});

test("a draft waits for the answer to invoice.created, and is final an hour after it", async () => {
  const { control, advanceTo, latestInvoice, answers, until } = await setUp();
  answers.push(500);
  await advanceTo(FINAL + 4 * HOUR);
  expect(await latestInvoice()).toMatchObject({
    status: "draft",
    webhooks_delivered_at: null,
    automatically_finalizes_at: FINAL,
  });

  await control.advanceClock({ seconds: HOUR });
  await until(2);
  const isHeard = async () => (await latestInvoice())?.webhooks_delivered_at === FINAL + 4 * HOUR;
  await eventually(isHeard, { withinMs: 10_000, describe: "the answer at the invoice" });
  expect(await latestInvoice()).toMatchObject({
    status: "draft",
    automatically_finalizes_at: FINAL + 5 * HOUR + 1,
    next_payment_attempt: FINAL + 5 * HOUR,
  });
  await advanceTo(FINAL + 5 * HOUR);
  expect(await latestInvoice()).toMatchObject({ status: "draft" });
  await advanceTo(FINAL + 5 * HOUR + 1);

  expect(await latestInvoice()).toMatchObject({ status: "paid" });
});

test("a draft that nobody answers for is final after 72 hours", async () => {
  const { advanceTo, latestInvoice, answers } = await setUp({ retryAfterSeconds: [30 * DAY] });
  answers.push(500);
  await advanceTo(FEBRUARY + 72 * HOUR - 1);
  expect(await latestInvoice()).toMatchObject({ status: "draft" });

  await advanceTo(FEBRUARY + 72 * HOUR);

  expect(await latestInvoice()).toMatchObject({
    status: "paid",
    webhooks_delivered_at: null,
    status_transitions: { finalized_at: FEBRUARY + 72 * HOUR },
  });
});

test("an endpoint that is given up is waited for no longer", async () => {
  const { advanceTo, latestInvoice, answers } = await setUp({ retryAfterSeconds: [] });
  answers.push(500);

  await advanceTo(FINAL);

  expect(await latestInvoice()).toMatchObject({ status: "paid", status_transitions: { finalized_at: FINAL } });
});

test("one endpoint of two that does not answer is enough to wait for, and one that wants other events is none", async () => {
  const { control, advanceTo, latestInvoice, received } = await setUp();
  await control.addWebhookEndpoint({ url: "http://127.0.0.1:9/nobody", enabledEvents: ["invoice.paid"] });
  await advanceTo(FINAL);
  expect(await latestInvoice()).toMatchObject({ status: "paid" });
  await control.addWebhookEndpoint({ url: "http://127.0.0.1:9/nobody", enabledEvents: ["invoice.created"] });

  await advanceTo(FINAL + 32 * DAY);

  expect(received).toHaveLength(2);
  expect(await latestInvoice()).toMatchObject({ status: "draft", webhooks_delivered_at: null });
});

test("the stand-in's own clock waits for answers as well, and two moves come one after the other", async () => {
  const { stripe, control } = await setUpStandIn({ now: () => Date.parse("2026-11-01T00:00:00Z") });
  const { url, received } = await setUpReceiver();
  await control.seed({
    ...SHOP,
    subscriptions: [{ id: "sub_a", customer: "cus_hanako", price: "price_monthly", anchorAt: "2026-10-08T01:00:00Z" }],
  });
  await control.addWebhookEndpoint({ url, enabledEvents: ["invoice.created"] });

  await Promise.all([control.advanceClock({ seconds: 10 * DAY }), control.advanceClock({ seconds: 31 * DAY })]);

  expect(received).toHaveLength(2);
  const invoices = (await stripe.invoices.list({ subscription: "sub_a" })).data;
  expect(
    invoices.map(({ status, created, status_transitions: { paid_at } }) => [status, (paid_at ?? 0) - created]),
  ).toEqual([
    ["paid", HOUR + 1],
    ["paid", HOUR + 1],
  ]);
});
