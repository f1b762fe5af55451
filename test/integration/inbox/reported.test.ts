import type Stripe from "stripe";
import { describe, expect, it } from "vitest";
import { type ReportedLife, setUpReportedLife } from "./reported-life.ts";
import type { EventRow } from "./set-up-inbox.ts";
import { listenToStripe } from "./stripe-events.ts";

/*
 * What happens at Stripe, from the event as it is made there to the last row that it changes here: through the inbox and
 * the same execution as anybody's request. Each contract began 45 days ago, so that its first renewal was some two weeks ago.
 */

/** Days after the beginning: the renewal, when its draft of an hour is collected, and the retries after that. */
const renewed = 32;

/** A contract that runs in its first period, with its events until now heard. */
async function setUpRunning(): Promise<ReportedLife> {
  const life = await setUpReportedLife();
  await life.register();
  await life.hear();
  expect(await life.contract()).toMatchObject({ status: "active" });
  return life;
}

/** Every event has been concluded; nothing waits for anything. */
async function expectNothingWaits({ events }: ReportedLife): Promise<void> {
  const waiting = (await events()).filter(({ state }) => state !== "applied" && state !== "ignored");
  expect(waiting.map(({ type, state, state_reason }) => `${type} ${state} ${state_reason}`)).toEqual([]);
}

/** The kinds of operations that events became, each once. */
async function kinds({ operations }: ReportedLife): Promise<readonly unknown[]> {
  const rows = (await operations()).filter(({ actor_type }) => actor_type === "stripe");
  expect(rows.map(({ id, state }) => `${id} ${state}`)).toEqual(rows.map(({ id }) => `${id} succeeded`));
  return [...new Set(rows.map(({ kind }) => kind))].sort();
}

describe("a renewal", () => {
  it("that is paid brings its payment and license", async () => {
    const life = await setUpRunning();
    await life.until(renewed);
    await life.hear();

    expect(await life.contract()).toMatchObject({ status: "active" });
    expect(await life.payments()).toEqual(["period 0 paid", "period 1 paid"]);
    expect(await life.licenses()).toEqual(["0 open", "1 open"]);
    expect(await kinds(life)).toEqual(["record_payment", "record_subscription_change"]);
    await expectNothingWaits(life);
    const intents = (await life.events()).filter(({ type }) => type === "payment_intent.succeeded");
    const paidAnInvoice = { state_reason: "paid_an_invoice", contract_id: life.contractId };
    expect(intents).toMatchObject([paidAnInvoice, paidAnInvoice]);
  });

  it("that fails suspends with that period's license revoked; each attempt is mailed; recovery lets it run again", async () => {
    const life = await setUpRunning();
    await life.payWith("pm_card_chargeCustomerFail");
    await life.until(renewed - 0.5);
    await life.hear();
    expect(await life.contract()).toMatchObject({ status: "payment_unconfirmed" });
    expect(await life.payments()).toEqual(["period 0 paid", "period 1 unpaid"]);
    const mailsOfOne = ["payment_failed to customer", "payment_failed to operators"];
    expect((await life.mails()).filter((mail) => mail.startsWith("payment_failed")).sort()).toEqual(mailsOfOne);

    await life.until(renewed + 0.5);
    await life.hear();
    expect((await life.mails()).filter((mail) => mail.startsWith("payment_failed"))).toHaveLength(4);

    await life.payWith("pm_card_visa");
    await life.until(renewed + 1.5);
    await life.hear();

    expect(await life.contract()).toMatchObject({ status: "active" });
    expect(await life.payments()).toEqual(["period 0 paid", "period 1 paid"]);
    expect(await life.licenses()).toEqual(["0 open", "1 open"]);
    expect(await life.mails()).toContain("contract_running_again to customer");
    await kinds(life);
    await expectNothingWaits(life);
  });

  it("whose retries run out terminates, with a mail for each of the four attempts", async () => {
    const life = await setUpRunning();
    await life.payWith("pm_card_chargeCustomerFail");
    await life.until(renewed - 0.5);
    await life.hear();
    await life.until(renewed + 5);
    await life.hear();

    expect(await life.contract()).toMatchObject({ status: "terminated" });
    expect(await life.payments()).toEqual(["period 0 paid", "period 1 never_charged"]);
    expect((await life.mails()).filter((mail) => mail.startsWith("payment_failed"))).toHaveLength(8);
    expect(await life.mails()).toContain("contract_terminated to customer");
    expect(await kinds(life)).toContain("record_subscription_end");
    await expectNothingWaits(life);
  });

  it("that brings a proration alone tells of the money by its invoice; its intent waits as nobody's", async () => {
    const life = await setUpRunning();
    await life.stripe.control.seed({ prices: [{ id: "price_dear", product: await productOf(life), amount: 9_800 }] });
    const [item] = (await life.sdk.subscriptions.retrieve(life.subscriptionId)).items.data;
    await life.until(10);
    await life.sdk.subscriptions.update(
      life.subscriptionId,
      { items: [{ id: item?.id ?? "", price: "price_dear" }], proration_behavior: "always_invoice" },
      life.onDashboard,
    );
    await life.hear();

    expect(await life.payments()).toEqual(["period 0 paid"]);
    const [told] = (await life.operations()).filter(({ kind }) => kind === "record_payment").slice(-1);
    expect(told).toMatchObject({ outcome: { attention: [{ code: "payment_unknown" }] } });
    const { paymentIntentId } = await life.invoice(1);
    const waiting = (await life.events()).filter(({ state }) => state === "unmatched");
    expect(waiting).toMatchObject([{ type: "payment_intent.succeeded", object_id: paymentIntentId }]);
  });

  it("that asks the cardholder for a confirmation suspends until that is given, told by two events and one mail", async () => {
    const life = await setUpRunning();
    await life.payWith("pm_card_authenticationRequired");
    await life.until(renewed - 0.5);
    const types = (await life.hear()).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["invoice.payment_failed", "invoice.payment_action_required"]));
    const mailsOfOne = ["payment_failed to customer", "payment_failed to operators"];
    expect((await life.mails()).filter((mail) => mail.startsWith("payment_failed")).toSorted()).toEqual(mailsOfOne);
    const notes = (await life.operations()).filter(({ kind }) => kind === "record_payment_failure");
    expect(notes).toHaveLength(1);
    expect(await life.contract()).toMatchObject({ status: "payment_unconfirmed" });
    const [asked] = await life.sql`select detail from keiyaku.notifications
      where kind = 'payment_failed' and recipient = 'customer'`;
    expect(asked?.detail).toMatchObject({ invoice: "open", actionRequired: 1 });

    const { paymentIntentId } = await life.invoice(1);
    await life.stripe.control.authenticate(paymentIntentId);
    await life.hear();

    expect(await life.contract()).toMatchObject({ status: "active" });
    expect(await life.licenses()).toEqual(["0 open", "1 open"]);
    await expectNothingWaits(life);
  });

  it.each([
    ["invoice.payment_failed", "invoice.payment_action_required"],
    ["invoice.payment_action_required", "invoice.payment_failed"],
  ])("that asks for a confirmation is told of once, though %s is applied before %s arrives", async (first, second) => {
    const life = await setUpRunning();
    await life.payWith("pm_card_authenticationRequired");
    await life.until(renewed - 0.5);
    const listen = listenToStripe(life);
    const reported = await listen();
    for (const type of [first, second, first]) {
      await life.arrive(...reported.filter((event) => event.type === type));
      await life.follow();
    }

    expect((await life.mails()).toSorted()).toEqual(["payment_failed to customer", "payment_failed to operators"]);
    const notes = (await life.operations()).filter(({ kind }) => kind === "record_payment_failure");
    expect(notes.map(({ params }) => (params as { attempt: number }).attempt)).toEqual([1, 1]);
    const news = notes.filter(({ outcome }) => (outcome as { superseded?: boolean }).superseded !== true);
    expect(news).toHaveLength(1);
  });
});

describe("a first payment", () => {
  it("of a monthly contract starts it, although its events came before its registration", async () => {
    const life = await setUpReportedLife({ daysAgo: 10 });
    await life.hear();
    const waiting = (await life.events()).filter(({ state }) => state === "unmatched");
    expect(waiting.length).toBeGreaterThan(1);
    await life.sql`update keiyaku.stripe_events set look_at = null where state = 'unmatched'`;

    await life.register({ firstPeriodIsKnown: false });
    expect(await life.contract()).toMatchObject({ status: "awaiting_payment" });
    await life.look();
    await life.drain();

    expect(await life.contract()).toMatchObject({ status: "active" });
    expect(await life.payments()).toEqual(["period 0 paid"]);
    expect(await life.licenses()).toEqual(["0 open"]);
    // The intent of the invoice is known by the payment; that was recorded a moment ago.
    await life.look();
    await expectNothingWaits(life);
  });

  it("of a one-time contract establishes it", async () => {
    const life = await setUpReportedLife({ daysAgo: 1 });
    const intent = await buyOnce(life);
    await life.hear();

    const paid = (await life.events()).find(
      ({ object_id, type }) => object_id === intent.id && type === "payment_intent.succeeded",
    );
    expect(paid).toMatchObject({ state: "applied", contract_id: "once" });
    expect(await life.operation(paid?.operation_id ?? "")).toMatchObject({
      kind: "record_payment",
      state: "succeeded",
    });
    const [payment] = await life.sql`select state from keiyaku.payments where contract_id = 'once'`;
    expect(payment).toMatchObject({ state: "paid" });
  });
});

describe("on the dashboard", () => {
  it("a reservation is set and lifted, and mirrored", async () => {
    const life = await setUpRunning();
    await life.until(renewed);
    await life.hear();
    const reserve = (cancel_at_period_end: boolean) =>
      life.sdk.subscriptions.update(life.subscriptionId, { cancel_at_period_end }, life.onDashboard);

    await reserve(true);
    await life.hear();
    expect(await life.contract()).toMatchObject({ status: "termination_reserved", termination_source: "stripe" });
    await reserve(false);
    await life.hear();
    expect(await life.contract()).toMatchObject({ status: "active", termination_on: null });
    await expectNothingWaits(life);
  });

  it("the subscription is cancelled, and the contract terminated", async () => {
    const life = await setUpRunning();
    await life.until(renewed);
    await life.hear();
    await life.sdk.subscriptions.cancel(life.subscriptionId);
    await life.hear();

    expect(await life.contract()).toMatchObject({ status: "terminated" });
    expect(await kinds(life)).toContain("record_subscription_end");
    await expectNothingWaits(life);
  });

  it("a payment is given back, which touches neither status nor license", async () => {
    const life = await setUpRunning();
    const { paymentIntentId } = await life.invoice(0);
    await life.sdk.refunds.create({ payment_intent: paymentIntentId }, life.onDashboard);
    await life.hear();

    expect(await life.payments()).toEqual(["period 0 refunded"]);
    expect(await life.licenses()).toEqual(["0 open"]);
    const [refund] = await life.sql`select state from keiyaku.refunds`;
    expect(refund).toMatchObject({ state: "succeeded" });
    expect(await kinds(life)).toContain("record_refund");
    await expectNothingWaits(life);
  });
});

describe("a refund of ours", () => {
  it("is nothing new by its own events, and is owed again when it fails later", async () => {
    const life = await setUpRunning();
    const paymentId = `${life.contractId}:period:0`;
    const [payment] = await life.sql`select id from keiyaku.payments`;
    expect(await life.ask("refund_payment", { paymentId: payment?.id ?? paymentId })).toMatchObject({
      state: "succeeded",
    });
    const before = (await life.operations()).length;
    const types = (await life.hear()).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["refund.created", "charge.refunded"]));
    const own = (await life.events()).filter(({ type }) => type === "refund.created" || type === "charge.refunded");
    expect(own).toMatchObject(
      Array.from({ length: own.length }, () => ({ state: "ignored", state_reason: "own_call" })),
    );
    expect(await life.operations()).toHaveLength(before);

    const [refund] = await life.sql`select stripe_refund_id from keiyaku.refunds`;
    await life.stripe.control.failRefund(refund?.stripe_refund_id);
    await life.hear();

    expect((await life.sql`select state from keiyaku.refunds`)[0]).toMatchObject({ state: "failed" });
    expect(await life.mails()).toContain("refund_failed to operators");
    await expectNothingWaits(life);
  });
});

describe("a termination of ours", () => {
  it("is nothing new by its own events, though a cancel has no key", async () => {
    const life = await setUpRunning();
    await life.payWith("pm_card_chargeCustomerFail");
    await life.until(renewed - 0.5);
    await life.hear();
    expect(await life.ask("terminate")).toMatchObject({ state: "succeeded" });
    await life.hear();

    const ended = (await life.events()).filter(
      ({ type }) => type === "customer.subscription.deleted" || type === "invoice.voided",
    );
    expect(ended.map(({ state_reason }) => state_reason)).toEqual(["own_call", "own_call"]);
    expect(await kinds(life)).not.toContain("record_subscription_end");
    await expectNothingWaits(life);
  });
});

describe("a dispute", () => {
  it("is noted on its payment, opened and lost", async () => {
    const life = await setUpRunning();
    const { paymentIntentId } = await life.invoice(0);
    const { latest_charge } = await life.sdk.paymentIntents.retrieve(paymentIntentId);
    const dispute = await life.stripe.control.dispute(latest_charge as string);
    await life.hear();
    expect((await life.sql`select dispute from keiyaku.payments`)[0]).toMatchObject({ dispute: "open" });
    await life.stripe.control.closeDispute(dispute, "lost");
    await life.hear();

    expect((await life.sql`select dispute from keiyaku.payments`)[0]).toMatchObject({ dispute: "lost" });
    expect(await life.mails()).toContain("payment_disputed to operators");
    await expectNothingWaits(life);
  });
});

describe("a dispute of a one-time contract", () => {
  it("waits for its payment when that is reported later, and is noted on it then", async () => {
    const life = await setUpReportedLife({ daysAgo: 1 });
    const { id, latest_charge } = await buyOnce(life);
    await life.stripe.control.closeDispute(await life.stripe.control.dispute(latest_charge as string), "lost");
    const events = await listenToStripe(life)();
    const disputes = events.filter(({ type }) => type.startsWith("charge.dispute."));
    const paid = events.filter(({ type, data }) => type === "payment_intent.succeeded" && data.object.id === id);

    expect(await life.report(...disputes)).toMatchObject({ state: "received", state_reason: `no_payment: ${id}` });
    await life.report(...paid);
    await life.drain();
    await life.look();
    await life.drain();

    expect(await life.sql`select state, dispute from keiyaku.payments`).toEqual([{ state: "paid", dispute: "lost" }]);
    await expectNothingWaits(life);
  });
});

describe("a deleted contract", () => {
  it("keeps no body of what was reported of it, before or after, and loses no late money", async () => {
    const life = await setUpRunning();
    await life.payWith("pm_card_chargeCustomerFail");
    await life.until(renewed - 0.5);
    await life.hear();
    expect(await life.ask("delete", { confirm: life.contractId })).toMatchObject({ state: "succeeded" });
    expect(await life.contract()).toBeUndefined();
    const about = (rows: readonly EventRow[]) => rows.filter(({ contract_id }) => contract_id === life.contractId);
    expect(about(await life.events()).length).toBeGreaterThan(2);
    for (const { type, body } of about(await life.events())) expect({ type, body }).toEqual({ type, body: null });

    await life.hear();

    for (const { type, body } of about(await life.events())) expect({ type, body }).toEqual({ type, body: null });
    expect((await life.operations()).at(-1)).toMatchObject({
      state: "succeeded",
    });
    await expectNothingWaits(life);
  });
});

async function productOf({ sdk, subscriptionId }: ReportedLife): Promise<string> {
  const [item] = (await sdk.subscriptions.retrieve(subscriptionId)).items.data;
  const product = item?.price.product;
  return typeof product === "string" ? product : "";
}

/** A customer buys a one-time contract `once`, which is registered as waiting for its payment. Gives what pays it. */
async function buyOnce(life: ReportedLife): Promise<Stripe.PaymentIntent> {
  const intent = await life.sdk.paymentIntents.create(
    {
      amount: 19_800,
      currency: "jpy",
      customer: life.customerId,
      payment_method: "pm_card_visa",
      confirm: true,
      off_session: true,
    },
    life.onDashboard,
  );
  const registered = await life.perform({
    id: "register-once",
    kind: "register",
    contractId: "once",
    params: {
      productId: "course",
      product: { id: "course", kind: "one_time", priceMinor: 19_800 },
      customerId: "customer-1",
      customer: { id: "customer-1", email: "hanako@example.com", name: "山田 花子" },
      kind: "one_time",
      paymentMethod: "card",
      priceMinor: 19_800,
      startOn: new Date().toISOString().slice(0, 10),
      stripe: { customerId: life.customerId, paymentIntentId: intent.id },
    },
  });
  expect(registered).toMatchObject({ state: "succeeded" });
  return intent;
}
