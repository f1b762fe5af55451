import type postgres from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { startStripeStandIn } from "../../../sandbox/stripe/stripe-stand-in.ts";
import { systemClock } from "../../../src/clock.ts";
import { businessDateOf } from "../../../src/contract/calendar.ts";
import type { ExecutionDeps } from "../../../src/execution/deps.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { applyDueEvents } from "../../../src/inbox/apply-events.ts";
import { backfillEvents } from "../../../src/inbox/backfill-events.ts";
import { Secret } from "../../../src/secret.ts";
import type { Database } from "../../../src/store/database.ts";
import { takeInEvents } from "../../../src/store/take-in-events.ts";
import { eventTypes, readEvent } from "../../../src/stripe/events.ts";
import type { StripeGateway } from "../../../src/stripe/gateway.ts";
import { createStripeGateway } from "../../../src/stripe/stripe-gateway.ts";
import { compareInbox, noDifferences } from "../../support/compare-inbox.ts";
import { eventually } from "../../support/eventually.ts";
import { policy } from "../../support/facts.ts";
import { contractRow, customerRow, insertRows, productRow } from "../../support/store-rows.ts";
import { createTestStore, silentLog } from "../../support/test-database.ts";
import { setUpReceiver } from "../stripe-stand-in/set-up-receiver.ts";

const daySeconds = 86_400;

/** Two renew each day, for twelve days. */
const subscriptionCount = 24;

/**
 * An inbox, and subscriptions at an account whose webhooks go to a relay of the test: it takes in what comes, unless it is
 * stopped. Every third customer's card is declined when they are charged first.
 */
async function setup() {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const standIn = await startStripeStandIn();
  onTestFinished(() => standIn.stop());
  const { control } = standIn;
  const relay = { isStopped: false, took: 0 };
  const receiver = await setUpReceiver((response, { body }) => {
    const read = readEvent(body);
    if (relay.isStopped || read.type === "no_event") {
      response.writeHead(503).end();
      return;
    }
    void takeInEvents(store.db, [read.event], "relay").then(({ length }) => {
      relay.took += length;
      response.writeHead(200).end();
    });
  });
  await control.addWebhookEndpoint({ url: receiver.url, enabledEvents: [...eventTypes], retryAfterSeconds: [3_600] });
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const anchorAt = (number: number) => new Date((nowSeconds - (25 - number / 2) * daySeconds) * 1_000).toISOString();
  const numbers = Array.from({ length: subscriptionCount }, (_, index) => index);
  await control.seed({
    customers: numbers.map((number) => ({ id: `cus_${number}` })),
    products: [{ id: "prod_1" }],
    prices: [{ id: "price_1", product: "prod_1", amount: 1_000 }],
    subscriptions: numbers.map((number) => ({
      id: `sub_${number}`,
      customer: `cus_${number}`,
      price: "price_1",
      anchorAt: anchorAt(number),
    })),
  });
  await insertRows(store.sql, "products", productRow());
  await insertRows(store.sql, "customers", customerRow());
  const contracts = numbers.map((number) =>
    contractRow({
      id: `c-${number}`,
      payment_method: "card",
      price_minor: 1_000,
      start_on: businessDateOf(anchorAt(number), "Asia/Tokyo"),
      stripe_customer_id: `cus_${number}`,
      stripe_subscription_id: `sub_${number}`,
    }),
  );
  await insertRows(store.sql, "contracts", ...contracts);
  for (const number of numbers.filter((each) => each % 3 === 0)) {
    await control.declineCards({ customer: `cus_${number}`, times: 1 });
  }
  return { ...store, standIn, control, relay };
}

test("after a tenth of all webhooks was lost and the relay was down for two days, everything is in the inbox once, and stands as at Stripe", async () => {
  const { db, sql, standIn, control, relay } = await setup();
  const connection = createStripeGateway({ secretKey: new Secret(standIn.secretKey), apiBase: standIn.url });
  onTestFinished(() => connection.close());
  const backfill = () =>
    backfillEvents({
      db,
      connection,
      clock: systemClock,
      origin: { livemode: false, account: null },
      onUnreadable: (id) => expect.fail(`${id} cannot be read`),
      stopping: new AbortController().signal,
    });
  await backfill();

  // A delivery is lost each day, of some ten; the relay is down for two of the days.
  for (let halfDay = 0; halfDay < 40; halfDay += 1) {
    relay.isStopped = halfDay >= 16 && halfDay < 20;
    if (halfDay % 2 === 0) await control.disturbDeliveries({ mode: "lose" });
    await control.advanceClock({ seconds: daySeconds / 2 });
    const areAsked = async () =>
      (await control.deliveries()).every(({ state, attempts }) => state !== "waiting" || attempts.length > 0);
    await eventually(areAsked, { withinMs: 20_000, describe: "the deliveries" });
  }
  const isOver = async () => (await control.deliveries()).every(({ state }) => state !== "waiting");
  await control.advanceClock({ seconds: daySeconds / 2 });
  await eventually(isOver, { withinMs: 20_000, describe: "the last delivery" });
  const deliveries = await control.deliveries();
  const never = deliveries.filter(({ state }) => state !== "delivered").length;
  expect(deliveries.length).toBeGreaterThan(100);
  expect(never).toBeGreaterThan(deliveries.length / 10);
  expect((await compareInbox(sql, standIn)).missing).toHaveLength(never);

  const report = await backfill();

  expect(report).toMatchObject({ type: "finished", found: { missing: never, unreadable: 0, foreign: 0 } });
  expect(await compareInbox(sql, standIn)).toEqual(noDifferences);
  expect(report.found.known).toBe(relay.took);
  expect(await backfill()).toMatchObject({ type: "finished", found: { missing: 0 } });

  await carryOutAll(db, sql, connection);
  for (let number = 0; number < subscriptionCount; number += 1) {
    expect(await standingHere(sql, number)).toEqual(await standingAtStripe(connection, number));
  }
}, 120_000);

/** Lets everything follow from what is in the inbox. */
async function carryOutAll(db: Database, sql: postgres.Sql, gateway: StripeGateway): Promise<void> {
  const deps: ExecutionDeps = {
    db,
    gateway,
    clock: systemClock,
    log: silentLog,
    bells: { ring: async () => undefined },
    business: { zone: "Asia/Tokyo", policy },
    brakes: { refundLimitMinor: null, refundLimitPerHourMinor: null },
    stopping: new AbortController().signal,
  };
  for (;;) {
    await sql`update keiyaku.stripe_events set look_at = clock_timestamp() where look_at is not null`;
    const looked = await applyDueEvents(deps, 100);
    const open = await sql`select id from keiyaku.operations where state = 'requested' order by sequence`;
    for (const { id } of open) await executeOperation(deps, id);
    if (looked === 0 && open.length === 0) return;
  }
}

interface Standing {
  readonly isRunning: boolean;
  readonly paidInvoices: readonly string[];
}

async function standingHere(sql: postgres.Sql, number: number): Promise<Standing> {
  const [contract] = await sql`select status from keiyaku.contracts where id = ${`c-${number}`}`;
  const paid = await sql`select stripe_invoice_id as id from keiyaku.payments
    where contract_id = ${`c-${number}`} and state = 'paid'`;
  const paidInvoices = paid.map(({ id }) => String(id)).toSorted((a, b) => a.localeCompare(b));
  return { isRunning: contract?.status === "active", paidInvoices };
}

async function standingAtStripe(gateway: StripeGateway, number: number): Promise<Standing> {
  const subscription = await gateway.readSubscription(`sub_${number}`);
  const paid = await gateway.listPaidInvoices(`sub_${number}`);
  if (subscription.type !== "done" || subscription.value.type !== "found" || paid.type !== "done") {
    throw new Error(`sub_${number} cannot be read`);
  }
  return {
    isRunning: subscription.value.stripeSubscriptionStatus === "active",
    paidInvoices: paid.value.invoices.map(({ id }) => id).toSorted((a, b) => a.localeCompare(b)),
  };
}
