import { randomUUID } from "node:crypto";
import Stripe from "stripe";
import type { OperationRequest } from "../../../src/contract/operation.ts";
import { acceptRequest } from "../../../src/store/accept-request.ts";
import { eventually } from "../../support/eventually.ts";
import { type InboxBench, setUpInbox } from "./set-up-inbox.ts";
import { type ListedEvent, listenToStripe } from "./stripe-events.ts";

const daySeconds = 86_400;

/** A contract whose whole life takes place at the stand-in, on a test clock, and which hears of it by events alone. */
export interface ReportedLife extends InboxBench {
  readonly sdk: Stripe;
  readonly contractId: string;
  readonly customerId: string;
  readonly subscriptionId: string;
  /** Registers the contract, with its first period paid unless told otherwise. */
  register(options?: { readonly firstPeriodIsKnown?: boolean }): Promise<void>;
  /** Lets time pass at Stripe until so many days after the beginning. */
  until(days: number): Promise<void>;
  payWith(card: string): Promise<void>;
  /** Takes in what has happened since, lets everything follow from it, and gives the events. */
  hear(): Promise<readonly ListedEvent[]>;
  /** Lets everything follow that can follow now. */
  follow(): Promise<void>;
  /** A change that somebody makes on the dashboard. */
  onDashboard: { readonly idempotencyKey: string };
  ask(kind: OperationRequest["kind"], params?: OperationRequest["params"]): Promise<Record<string, unknown>>;
  invoice(period: number): Promise<{ readonly id: string; readonly paymentIntentId: string }>;
  contract(): Promise<Record<string, unknown> | undefined>;
  payments(): Promise<readonly string[]>;
  licenses(): Promise<readonly string[]>;
  mails(): Promise<readonly string[]>;
}

/** Begins so many days ago at noon of Tokyo, on a day that every month has. Retries follow each a day after the other. */
export async function setUpReportedLife({ daysAgo = 45 } = {}): Promise<ReportedLife> {
  const inbox = await setUpInbox();
  const { stripe, sql } = inbox;
  const sdk = new Stripe(stripe.secretKey, {
    host: "127.0.0.1",
    port: stripe.port,
    protocol: "http",
    telemetry: false,
    maxNetworkRetries: 0,
  });
  const onDashboard = {
    get idempotencyKey() {
      return `dashboard-${randomUUID()}`;
    },
  };
  const listen = listenToStripe(inbox);
  const begin = new Date(Date.now() - daysAgo * daySeconds * 1_000);
  begin.setUTCHours(3, 0, 0, 0);
  begin.setUTCDate(Math.min(begin.getUTCDate(), 28));
  const beginS = begin.getTime() / 1_000;
  const tail = randomUUID().slice(0, 8);
  const contractId = `life-${tail}`;
  await stripe.control.setDunning({ retryAfterDays: [1, 1, 1] });
  await stripe.control.seed({
    products: [{ id: `prod_${tail}` }],
    prices: [{ id: `price_${tail}`, product: `prod_${tail}`, amount: 1_980 }],
  });
  const clock = await sdk.testHelpers.testClocks.create({ frozen_time: beginS }, onDashboard);
  const customer = await sdk.customers.create(
    {
      test_clock: clock.id,
      payment_method: "pm_card_visa",
      invoice_settings: { default_payment_method: "pm_card_visa" },
    },
    onDashboard,
  );
  const subscription = await sdk.subscriptions.create(
    { customer: customer.id, items: [{ price: `price_${tail}` }] },
    onDashboard,
  );
  let requests = 0;
  const life: ReportedLife = {
    ...inbox,
    sdk,
    contractId,
    customerId: customer.id,
    subscriptionId: subscription.id,
    onDashboard,
    async register({ firstPeriodIsKnown = true } = {}) {
      const { id, paymentIntentId } = await life.invoice(0);
      const paid = {
        subject: "period",
        period: 0,
        paidAt: begin.toISOString(),
        stripeInvoiceId: id,
        stripePaymentIntentId: paymentIntentId,
      };
      const registration = {
        id: `register-${tail}`,
        kind: "register",
        contractId,
        actor: { type: "operator", id: "op-1" },
        params: {
          productId: "magazine",
          product: { id: "magazine", kind: "monthly", priceMinor: 1_980 },
          customerId: "customer-1",
          customer: { id: "customer-1", email: "hanako@example.com", name: "山田 花子" },
          kind: "monthly",
          paymentMethod: "card",
          priceMinor: 1_980,
          startOn: begin.toISOString().slice(0, 10),
          stripe: { customerId: customer.id, subscriptionId: subscription.id },
          ...(firstPeriodIsKnown ? { payments: [paid] } : {}),
        },
      };
      // Taken on the first day, on which nothing of what follows has happened.
      await acceptRequest(inbox.db, registration, begin.getTime());
      await inbox.execute(registration.id);
      const registered = await inbox.operation(registration.id);
      if (registered.state !== "succeeded") throw new Error(JSON.stringify(registered));
    },
    async until(days) {
      await sdk.testHelpers.testClocks.advance(clock.id, { frozen_time: beginS + days * daySeconds }, onDashboard);
      const isReady = async () => (await sdk.testHelpers.testClocks.retrieve(clock.id)).status === "ready";
      await eventually(isReady, { withinMs: 10_000, describe: "the clock" });
    },
    async payWith(card) {
      const settings = { invoice_settings: { default_payment_method: card } };
      await sdk.customers.update(customer.id, settings, onDashboard);
    },
    async hear() {
      const events = await listen();
      await inbox.arrive(...events);
      await life.follow();
      return events;
    },
    async follow() {
      // What waits for another event's operation is looked at once more when that is done.
      for (let round = 0; round < 3; round += 1) {
        await inbox.makeDue();
        while ((await inbox.look()) === 100);
        await inbox.drain();
      }
    },
    ask(kind, params = {}) {
      requests += 1;
      return inbox.perform({ id: `ask-${tail}-${requests}`, kind, contractId, params });
    },
    async invoice(period) {
      const { data } = await sdk.invoices.list({ subscription: subscription.id, expand: ["data.payments"] });
      const invoice = data.toReversed()[period];
      const intent = invoice?.payments?.data[0]?.payment.payment_intent;
      return { id: invoice?.id ?? "", paymentIntentId: typeof intent === "string" ? intent : "" };
    },
    async contract() {
      const [row] = await sql`select * from keiyaku.contracts where id = ${contractId}`;
      return row;
    },
    async payments() {
      const rows = await sql`select subject, period, state from keiyaku.payments where contract_id = ${contractId}
        order by period nulls first`;
      return rows.map(({ subject, period, state }) => `${subject} ${period ?? "–"} ${state}`);
    },
    async licenses() {
      const rows = await sql`select p.period, l.revoked_because from keiyaku.licenses l
        join keiyaku.payments p on p.id = l.payment_id where l.contract_id = ${contractId} order by p.period`;
      return rows.map(({ period, revoked_because }) => `${period} ${revoked_because ?? "open"}`);
    },
    async mails() {
      const rows = await sql`select kind, cause, recipient from keiyaku.notifications
        where contract_id = ${contractId} order by id`;
      return rows.map(({ kind, recipient }) => `${kind} to ${recipient}`);
    },
  };
  return life;
}
