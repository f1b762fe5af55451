import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { BEGINNING, seconds, setUpClock } from "./set-up-clock.ts";
import { PURCHASE, SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

const NOW = "2026-11-20T03:00:00Z";
const HOUR = 60 * 60;
const DAY = 24 * HOUR;

async function setUp(status: "active" | "past_due" = "active") {
  const bundle = await setUpStandIn({ now: () => Date.parse(NOW) });
  await bundle.control.seed({
    ...SHOP,
    subscriptions: [
      {
        id: "sub_a",
        customer: "cus_hanako",
        price: "price_monthly",
        anchorAt: "2026-10-08T01:00:00Z",
        status,
        invoices: [
          { period: 0 },
          status === "active"
            ? { period: 1 }
            : { period: 1, status: "open", attemptCount: 3, nextPaymentAttemptAt: "2026-11-22T00:00:00Z" },
        ],
      },
    ],
  });
  return bundle;
}

test("nothing happens by itself until the clock is moved", async () => {
  const { stripe, control } = await setUp("past_due");

  expect(await stripe.subscriptions.retrieve("sub_a")).toMatchObject({ status: "past_due" });
  expect((await control.ledger()).filter(({ effect }) => effect !== "seeded")).toEqual([]);
});

test("the stand-in's own clock renews what was seeded, and goes forward only", async () => {
  const { stripe, control } = await setUp();

  const happened = await control.advanceClock({ to: "2026-12-08T03:00:00Z" });

  expect(happened).toBe(2);
  expect((await stripe.invoices.list({ subscription: "sub_a", limit: 1 })).data[0]).toMatchObject({
    status: "paid",
    created: seconds("2026-12-08T01:00:00Z"),
    period_start: seconds("2026-11-08T01:00:00Z"),
    period_end: seconds("2026-12-08T01:00:00Z"),
  });
  const later = (await control.ledger()).filter(({ effect }) => effect === "charge.succeeded");
  expect(later).toMatchObject([{ amount: 3000, at: seconds("2026-12-08T02:00:01Z") * 1000, requestId: null }]);
  await expect(control.advanceClock({ to: NOW })).rejects.toThrow(/forward only/);
});

test("a seeded retry falls due, and its failure is the last one", async () => {
  const { stripe, control } = await setUp("past_due");
  await control.declineCards({ customer: "cus_hanako" });

  await control.advanceClock({ to: "2026-11-22T00:00:00Z" });

  expect(await stripe.subscriptions.retrieve("sub_a")).toMatchObject({
    status: "canceled",
    cancellation_details: { reason: "payment_failed" },
  });
  expect(await stripe.invoices.retrieve("in_a_1")).toMatchObject({ status: "open", attempt_count: 4 });
});

test("every answer tells the stand-in's own clock in its Date", async () => {
  const { control, stripe } = await setUp();
  const told = async () => (await stripe.customers.retrieve("cus_hanako")).lastResponse.headers.date;

  expect(await told()).toBe("Fri, 20 Nov 2026 03:00:00 GMT");
  await control.advanceClock({ seconds: 2 * DAY });
  expect(await told()).toBe("Sun, 22 Nov 2026 03:00:00 GMT");
});

test("moving the clock lets idempotency keys grow old", async () => {
  const { stripe, control } = await setUpStandIn();
  await control.seed(PURCHASE);
  const refund = () => stripe.refunds.create({ charge: "ch_purchase", amount: 100 }, { idempotencyKey: "k1" });
  const first = await refund();

  await control.advanceClock({ seconds: DAY - 60 });
  expect((await refund()).id).toBe(first.id);
  await control.advanceClock({ seconds: 60 });

  expect((await refund()).id).not.toBe(first.id);
});

test("a test clock moves its own customers and nobody else", async () => {
  const { stripe, control, advanceTo } = await setUpClock();
  await control.seed({
    customers: [{ id: "cus_other" }],
    subscriptions: [
      {
        id: "sub_other",
        customer: "cus_other",
        price: "price_monthly",
        anchorAt: "2026-01-31T03:00:00Z",
        asOf: "2026-02-01T00:00:00Z",
      },
    ],
  });

  await advanceTo(seconds("2026-04-01T00:00:00Z"));

  expect((await stripe.invoices.list({ subscription: "sub_other" })).data).toEqual([]);
});

test("a test clock is refused the way back, a third interval, and a second advance at the same time", async () => {
  const { stripe, clock, advanceTo } = await setUpClock();
  const to = (frozen_time: number) => stripe.testHelpers.testClocks.advance(clock, { frozen_time });

  expect(await stripeErrorOf(to(BEGINNING))).toMatchObject({ statusCode: 400, param: "frozen_time" });
  expect(await stripeErrorOf(to(BEGINNING - 1))).toMatchObject({ statusCode: 400 });
  expect(await stripeErrorOf(to(seconds("2026-03-31T03:00:01Z")))).toMatchObject({ statusCode: 400 });
  expect(await to(seconds("2026-03-31T03:00:00Z"))).toMatchObject({
    status: "advancing",
    frozen_time: BEGINNING,
    status_details: { advancing: { target_frozen_time: seconds("2026-03-31T03:00:00Z") } },
  });
  await advanceTo(seconds("2026-03-31T03:00:00Z"));
  expect(await stripe.testHelpers.testClocks.retrieve(clock)).toMatchObject({ status: "ready", status_details: {} });
  expect((await stripeErrorOf(stripe.testHelpers.testClocks.retrieve("clock_x"))).statusCode).toBe(404);
});

test("a clock that was moved is as far after a restart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stripe-stand-in-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const options = { stateFile: join(folder, "state.ndjson"), now: () => Date.parse(NOW) };
  const first = await setUpStandIn(options);
  await first.control.seed(PURCHASE);
  await first.control.advanceClock({ seconds: DAY });
  await first.standIn.stop();

  const { stripe } = await setUpStandIn(options);
  const refund = await stripe.refunds.create({ charge: "ch_purchase" });

  expect(refund.created).toBe(seconds(NOW) + DAY);
});

test("a clock that was advancing when the process was killed arrives after the restart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stripe-stand-in-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const stateFile = join(folder, "state.ndjson");
  const first = await setUpStandIn({ stateFile });
  await first.control.seed(SHOP);
  const { id } = await first.stripe.testHelpers.testClocks.create({ frozen_time: BEGINNING, customer: "cus_hanako" });
  const { id: subscription } = await first.stripe.subscriptions.create({
    customer: "cus_hanako",
    items: [{ price: "price_monthly" }],
  });
  await first.control.advanceClock({ seconds: 60 });
  await first.stripe.testHelpers.testClocks.advance(id, { frozen_time: BEGINNING + 30 * DAY });
  // Stopping at this moment must not disturb anything.
  await first.standIn.stop();
  // As a kill leaves it: what the request wrote is there, what followed it is not.
  const lines = readFileSync(stateFile, "utf8").split("\n");
  const begun = lines.findIndex((line) => line.includes("test_helpers.test_clock.advancing"));
  writeFileSync(stateFile, `${lines.slice(0, begun + 1).join("\n")}\n`);

  const { stripe } = await setUpStandIn({ stateFile });

  expect(await stripe.testHelpers.testClocks.retrieve(id)).toMatchObject({
    status: "ready",
    frozen_time: BEGINNING + 30 * DAY,
  });
  expect((await stripe.invoices.list({ subscription })).data.map(({ status }) => status)).toEqual(["paid", "paid"]);
});
