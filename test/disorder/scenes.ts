import { oneTimeScenes } from "./one-time-scenes.ts";
import { day, hour, type MonthlyScene, type MonthlyStage, type Scene, type Standing } from "./scene.ts";

/*
 * The sequences in which Stripe reports what becomes of a contract, each made by the stand-in as time passes on a test clock.
 * What a contract must look like in the end is written here by hand, from the specification.
 */

/** Three retries, 3, 5 and 7 days apart, as Stripe's custom schedules go. */
const retries = [3, 8, 15].map((days) => days * day);

const running: Standing = {
  status: "active",
  reserved: false,
  payments: ["paid", "paid"],
  open: [0, 1],
  refunds: [],
  attemptsTold: [],
  lastMail: "true",
};

/** The renewal's first attempts fail, so many of them; the next one would succeed. */
async function failRenewal(stage: MonthlyStage, times: number): Promise<void> {
  await stage.control.declineCards({ customer: stage.customer, reason: "insufficient_funds", times });
  const finalAt = stage.renewal + hour + 1;
  for (const after of [0, ...retries].slice(0, times)) await stage.advanceTo(finalAt + after);
}

/** The renewal's first attempts, so many of them, each wait for the customer to confirm the payment. */
async function askForConfirmation(stage: MonthlyStage, times: number): Promise<void> {
  const settings = { default_payment_method: "pm_card_authenticationRequired" };
  await stage.stripe.customers.update(stage.customer, { invoice_settings: settings });
  const finalAt = stage.renewal + hour + 1;
  for (const after of [0, ...retries].slice(0, times)) await stage.advanceTo(finalAt + after);
}

/** The sequences A to H, and what lies beside them: by name, as the specification of Stripe's events lists them. */
const monthlyScenes: readonly Omit<MonthlyScene, "kind">[] = [
  {
    name: "0. a subscription begins, and its first payment with it",
    isNew: true,
    play: (stage) => stage.advanceTo(stage.renewal + hour + 1),
    end: running,
  },
  {
    name: "A. a renewal succeeds",
    play: (stage) => stage.advanceTo(stage.renewal + hour + 1),
    end: running,
  },
  {
    name: "B. a renewal fails, and the second retry recovers it",
    async play(stage) {
      await failRenewal(stage, 2);
      await stage.advanceTo(stage.renewal + 9 * day);
    },
    end: { ...running, attemptsTold: [1, 2] },
  },
  {
    name: "B. a renewal asks for 3-D Secure, and the customer confirms the payment",
    async play(stage) {
      await askForConfirmation(stage, 1);
      const [payment] = (await stage.latestInvoice()).payments?.data ?? [];
      const intent = payment?.payment.payment_intent;
      await stage.control.authenticate(typeof intent === "string" ? intent : "");
    },
    end: { ...running, attemptsTold: [1] },
  },
  {
    name: "C. a renewal asks for 3-D Secure at every attempt, and the customer never confirms it",
    play: (stage) => askForConfirmation(stage, 4),
    end: {
      ...running,
      status: "terminated",
      payments: ["paid", "never_charged"],
      open: [0],
      attemptsTold: [1, 2, 3, 4],
    },
  },
  {
    name: "C. a renewal fails, and so does every retry",
    play: (stage) => failRenewal(stage, 4),
    end: {
      ...running,
      status: "terminated",
      payments: ["paid", "never_charged"],
      open: [0],
      attemptsTold: [1, 2, 3, 4],
    },
  },
  {
    name: "C. a renewal fails, the customer pays it, and ends the subscription then",
    async play(stage) {
      await failRenewal(stage, 1);
      await stage.control.payInvoice((await stage.latestInvoice()).id);
      await stage.stripe.subscriptions.cancel(stage.subscription);
    },
    end: { ...running, status: "terminated", attemptsTold: [1] },
  },
  {
    name: "C. a renewal fails, and so does every retry; the customer pays it after the end",
    isHeardAfterwards: true,
    async play(stage) {
      await failRenewal(stage, 4);
      await stage.advanceTo(stage.renewal + 17 * day);
      await stage.control.payInvoice((await stage.latestInvoice()).id);
    },
    end: {
      ...running,
      status: "terminated",
      payments: ["paid", "refunded"],
      open: [0],
      refunds: ["succeeded 1980"],
      attemptsTold: [1, 2, 3, 4],
    },
  },
  {
    name: "D. an end with the period is set on the dashboard, and reached",
    async play(stage) {
      await stage.stripe.subscriptions.update(stage.subscription, { cancel_at_period_end: true });
      await stage.advanceTo(stage.renewal + day);
    },
    end: { ...running, status: "terminated", payments: ["paid"], open: [0] },
  },
  {
    name: "D. an end with the period is set on the dashboard, lifted, and set again",
    async play(stage) {
      await stage.advanceTo(stage.renewal + hour + 1);
      for (const isSet of [true, false, true]) {
        await stage.stripe.subscriptions.update(stage.subscription, { cancel_at_period_end: isSet });
      }
    },
    end: { ...running, status: "termination_reserved", reserved: true },
  },
  {
    name: "E. somebody ends it at once while a renewal is owed",
    async play(stage) {
      await failRenewal(stage, 1);
      await stage.stripe.subscriptions.cancel(stage.subscription);
    },
    end: { ...running, status: "terminated", payments: ["paid", "never_charged"], open: [0], attemptsTold: [1] },
  },
  {
    name: "E. a subscription begins, and somebody ends it before its first renewal",
    isNew: true,
    async play(stage) {
      await stage.advanceTo(stage.renewal - 20 * day);
      await stage.stripe.subscriptions.cancel(stage.subscription);
      await stage.advanceTo(stage.renewal + 10 * day);
    },
    end: { ...running, status: "terminated", payments: ["paid"], open: [0] },
  },
  {
    name: "E. a renewal fails, and its invoice is voided on the dashboard",
    async play(stage) {
      await failRenewal(stage, 1);
      await stage.stripe.invoices.voidInvoice((await stage.latestInvoice()).id);
    },
    end: { ...running, status: "payment_unconfirmed", payments: ["paid", "unpaid"], open: [0], attemptsTold: [1] },
  },
  {
    name: "E. a renewal fails, and its invoice is written off on the dashboard",
    async play(stage) {
      await failRenewal(stage, 1);
      await stage.stripe.invoices.markUncollectible((await stage.latestInvoice()).id);
    },
    end: { ...running, status: "payment_unconfirmed", payments: ["paid", "unpaid"], open: [0], attemptsTold: [1] },
  },
  {
    name: "E. a renewal fails, its invoice is voided on the dashboard, and the subscription ended",
    async play(stage) {
      await failRenewal(stage, 1);
      await stage.stripe.invoices.voidInvoice((await stage.latestInvoice()).id);
      await stage.stripe.subscriptions.cancel(stage.subscription);
    },
    end: { ...running, status: "terminated", payments: ["paid", "never_charged"], open: [0], attemptsTold: [1] },
  },
  {
    name: "F. a payment is refunded on the dashboard",
    async play(stage) {
      await stage.stripe.refunds.create({ charge: (await stage.firstCharge()).id });
      await stage.advanceTo(stage.renewal + hour + 1);
    },
    end: { ...running, payments: ["refunded", "paid"], refunds: ["succeeded 1980"] },
  },
  {
    name: "G. a refund fails later",
    async play(stage) {
      const refund = await stage.stripe.refunds.create({ charge: (await stage.firstCharge()).id });
      await stage.advanceTo(stage.renewal + hour + 1);
      await stage.control.failRefund(refund.id);
    },
    end: { ...running, refunds: ["failed 1980"] },
  },
  {
    name: "H. a payment is disputed, and the dispute is lost",
    async play(stage) {
      const dispute = await stage.control.dispute((await stage.firstCharge()).id);
      await stage.advanceTo(stage.renewal + hour + 1);
      await stage.control.closeDispute(dispute, "lost");
    },
    end: { ...running, payments: ["paid, dispute lost", "paid"] },
  },
  {
    name: "H. a payment is disputed, and the dispute is won",
    async play(stage) {
      const dispute = await stage.control.dispute((await stage.firstCharge()).id);
      await stage.advanceTo(stage.renewal + hour + 1);
      await stage.control.closeDispute(dispute, "won");
    },
    end: { ...running, payments: ["paid, dispute won", "paid"] },
  },
];

export const scenes: readonly Scene[] = [
  ...monthlyScenes.map((scene) => ({ ...scene, kind: "monthly" as const })),
  ...oneTimeScenes.map((scene) => ({ ...scene, kind: "one_time" as const })),
];
