import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { previewOperation } from "../../../src/execution/preview-operation.ts";
import { type Found, reconcileOne } from "../../../src/reconcile/reconcile.ts";
import { Secret } from "../../../src/secret.ts";
import { readBooks } from "../../../src/store/read-books.ts";
import { createStripeGateway } from "../../../src/stripe/stripe-gateway.ts";
import { auditOf } from "../../support/audit.ts";
import { policy } from "../../support/facts.ts";
import { type ReportedLife, setUpReportedLife } from "../inbox/reported-life.ts";

/** What happens to a contract at Stripe over some months, step by step; how far the clock is moved with each. */
const steps: readonly (readonly [string, number, (life: ReportedLife) => Promise<unknown>])[] = [
  ["a renewal", 32, async () => undefined],
  ["a renewal that fails", 63, (life) => life.payWith("pm_card_chargeCustomerFail")],
  ["its recovery", 66, (life) => life.payWith("pm_card_visa")],
  [
    "a refund on the dashboard",
    67,
    async (life) =>
      life.sdk.refunds.create({ payment_intent: (await life.invoice(1)).paymentIntentId }, life.onDashboard),
  ],
  [
    "an end that is set on the dashboard",
    70,
    (life) => life.sdk.subscriptions.update(life.subscriptionId, { cancel_at_period_end: true }, life.onDashboard),
  ],
  ["the end", 100, async () => undefined],
];

async function standingOf(life: ReportedLife) {
  const { status, termination_on } = (await life.contract()) ?? {};
  const refunds = await life.sql`select state, amount_minor::int as minor from keiyaku.refunds order by id`;
  return {
    status,
    termination_on,
    payments: await life.payments(),
    licenses: await life.licenses(),
    refunds: [...refunds],
  };
}

/** Holds a contract against Stripe; `--repair` where told. */
async function hold(life: ReportedLife, repair: boolean): Promise<readonly string[]> {
  const gateway = createStripeGateway({ secretKey: new Secret(life.stripe.secretKey), apiBase: life.stripe.url });
  onTestFinished(() => gateway.close());
  const books = await readBooks(life.db, life.contractId);
  if (books === undefined) throw new Error("the contract is there");
  const found: Found[] = [];
  await reconcileOne(
    {
      db: life.db,
      connection: gateway,
      clock: { sleep: async () => undefined },
      zone: "Asia/Tokyo",
      repair: repair
        ? {
            foresee: (wanted) =>
              previewOperation(
                { db: life.db, gateway, clock: systemClock, business: { zone: "Asia/Tokyo", policy } },
                wanted,
              ),
            mayRefund: false,
          }
        : null,
      onFound: (each) => void found.push(each),
      stopping: new AbortController().signal,
    },
    books,
  );
  return found.map((each) => (each.type === "difference" ? each.difference.type : each.type));
}

/** Repairs and carries out what was asked for, as often as there is something to ask for. */
async function repairAll(life: ReportedLife): Promise<void> {
  for (let round = 0; round < 3 && (await hold(life, true)).length > 0; round += 1) await life.drain();
}

test("a contract of which no report arrives stands after each repair as one of which all do", async () => {
  const [heard, unheard] = await Promise.all([
    setUpReportedLife({ daysAgo: 130 }),
    setUpReportedLife({ daysAgo: 130 }),
  ]);
  for (const life of [heard, unheard]) await life.register();

  for (const [name, days, happens] of steps) {
    for (const life of [heard, unheard]) {
      await happens(life);
      await life.until(days);
    }
    await heard.hear();
    expect(await hold(heard, false), `${name}, heard of`).toEqual([]);
    expect(await hold(unheard, false), `${name}, not heard of`).not.toEqual([]);
    await repairAll(unheard);
    expect(await hold(unheard, false), `${name}, repaired`).toEqual([]);
    expect(await standingOf(unheard), name).toEqual(await standingOf(heard));
  }
  expect((await auditOf(unheard)).violations).toEqual([]);
}, 60_000);

test("a contract of which nothing was heard from its beginning to its end stands in the end as one of which all was", async () => {
  const [heard, unheard] = await Promise.all([
    setUpReportedLife({ daysAgo: 130 }),
    setUpReportedLife({ daysAgo: 130 }),
  ]);
  for (const life of [heard, unheard]) await life.register({ firstPeriodIsKnown: false });
  await heard.hear();

  for (const [, days, happens] of steps) {
    for (const life of [heard, unheard]) {
      await happens(life);
      await life.until(days);
    }
    await heard.hear();
  }
  await repairAll(unheard);

  expect(await hold(unheard, false)).toEqual([]);
  expect(await standingOf(unheard)).toEqual(await standingOf(heard));
}, 60_000);
