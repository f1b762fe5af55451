import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Stripe from "stripe";
import type { StandInControl } from "../../sandbox/stripe/control/control.ts";
import type { StateLine } from "../../sandbox/stripe/core/state.ts";
import { type StripeStandIn, startStripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import { eventTypes, readEvent, type StripeEvent } from "../../src/stripe/events.ts";
import { advance } from "../integration/stripe-stand-in/set-up-clock.ts";
import { clientOf, idOf } from "../integration/stripe-stand-in/set-up-stand-in.ts";

/*
 * The sequences in which Stripe reports what becomes of a contract, each made by the stand-in as time passes on a test clock.
 * What a contract must look like in the end is written here by hand, from the specification.
 */

const hour = 3_600;
const day = 24 * hour;

/** What happens in a scene: with whom, and how its time passes. */
interface Stage {
  readonly stripe: Stripe;
  readonly control: StandInControl;
  readonly customer: string;
  readonly subscription: string;
  /** The moment of the first renewal, in seconds. */
  readonly renewal: number;
  advanceTo(moment: number): Promise<void>;
  /** The newest invoice of the subscription. */
  latestInvoice(): Promise<Stripe.Invoice>;
  /** What paid the first period. */
  firstCharge(): Promise<Stripe.Charge>;
}

/** How a contract stands: what counts, without the ids and times that differ from run to run. */
export interface Standing {
  readonly status: string;
  /** When it is to end: `renewal` if at the next one. */
  readonly reserved: boolean;
  /** The payment of each period, from period 0 on: its state, and the disputes of it. */
  readonly periods: readonly string[];
  /** The periods that can be viewed. */
  readonly open: readonly number[];
  /** State and amount of every refund. */
  readonly refunds: readonly string[];
  /** Attempts at an invoice that customer and operators were told of, each once to both. */
  readonly attemptsTold: readonly number[];
  /** Whether the last mail that speaks of the contract's status says what it is. */
  readonly lastMail: "true" | "untrue";
}

export interface Scene {
  readonly name: string;
  /** Whether the contract waits for its first payment, and hears of the subscription from its beginning on. */
  readonly isNew?: boolean;
  /** What becomes of the subscription, whose first period is paid. */
  play(stage: Stage): Promise<void>;
  readonly end: Standing;
}

/** Three retries, 3, 5 and 7 days apart, as Stripe's custom schedules go. */
const retries = [3, 8, 15].map((days) => days * day);

const running: Standing = {
  status: "active",
  reserved: false,
  periods: ["paid", "paid"],
  open: [0, 1],
  refunds: [],
  attemptsTold: [],
  lastMail: "true",
};

/** The renewal's first attempts fail, so many of them; the next one would succeed. */
async function failRenewal(stage: Stage, times: number): Promise<void> {
  await stage.control.declineCards({ customer: stage.customer, reason: "insufficient_funds", times });
  const finalAt = stage.renewal + hour + 1;
  for (const after of [0, ...retries].slice(0, times)) await stage.advanceTo(finalAt + after);
}

/** The sequences A to H, and what lies beside them: by name, as the specification of Stripe's events lists them. */
export const scenes: readonly Scene[] = [
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
    name: "C. a renewal fails, and so does every retry",
    play: (stage) => failRenewal(stage, 4),
    end: {
      ...running,
      status: "terminated",
      periods: ["paid", "never_charged"],
      open: [0],
      attemptsTold: [1, 2, 3, 4],
    },
  },
  {
    name: "C. a renewal fails, the customer pays it, and ends the subscription then",
    async play(stage) {
      await failRenewal(stage, 1);
      await stage.control.payInvoice((await stage.latestInvoice()).id ?? "");
      await stage.stripe.subscriptions.cancel(stage.subscription);
    },
    end: { ...running, status: "terminated", attemptsTold: [1] },
  },
  {
    name: "D. an end with the period is set on the dashboard, and reached",
    async play(stage) {
      await stage.stripe.subscriptions.update(stage.subscription, { cancel_at_period_end: true });
      await stage.advanceTo(stage.renewal + day);
    },
    end: { ...running, status: "terminated", periods: ["paid"], open: [0] },
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
    end: { ...running, status: "terminated", periods: ["paid", "never_charged"], open: [0], attemptsTold: [1] },
  },
  {
    name: "F. a payment is refunded on the dashboard",
    async play(stage) {
      await stage.stripe.refunds.create({ charge: (await stage.firstCharge()).id });
      await stage.advanceTo(stage.renewal + hour + 1);
    },
    end: { ...running, periods: ["refunded", "paid"], refunds: ["succeeded 1980"] },
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
    end: { ...running, periods: ["paid, dispute lost", "paid"] },
  },
  {
    name: "H. a payment is disputed, and the dispute is won",
    async play(stage) {
      const dispute = await stage.control.dispute((await stage.firstCharge()).id);
      await stage.advanceTo(stage.renewal + hour + 1);
      await stage.control.closeDispute(dispute, "won");
    },
    end: { ...running, periods: ["paid, dispute won", "paid"] },
  },
];

/** The beginning of a scene: a subscription whose first period has just been paid. */
export interface Begun {
  readonly scene: Scene;
  readonly customer: string;
  readonly subscription: string;
  /** The seconds in which the subscription began. */
  readonly beganAt: number;
  /** What paid its first period. */
  readonly first: { readonly invoiceId: string; readonly paymentIntentId: string };
}

/** A scene that has been played: all that Stripe says of it from then on, and what it reported on the way. */
export interface Played extends Begun {
  /** The lines of a state file from which any number of stand-ins go on. */
  readonly state: string;
  /** What an endpoint of ours is sent, in the order in which it was made. */
  readonly events: readonly StripeEvent[];
}

/** Looks on while a scene is played. */
export interface Audience {
  begin(begun: Begun, standIn: StripeStandIn): Promise<void>;
  /** Told after each step of time what an endpoint of ours is sent of it. */
  see(events: readonly StripeEvent[]): Promise<void>;
  /** Told that nothing more happens, while Stripe still answers. */
  end(): Promise<void>;
}

/** So long ago that the last retry of the first renewal lies behind us, and the second renewal ahead. */
const beganDaysAgo = 48;

/** Plays a scene, in front of an audience if there is one. */
export async function playScene(scene: Scene, nowMs: number, audience?: Audience): Promise<Played> {
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-scene-"));
  const stateFile = join(folder, "state.jsonl");
  const standIn = await startStripeStandIn({ stateFile, log: () => undefined });
  try {
    const { control } = standIn;
    const stripe = clientOf(standIn);
    // At noon of Tokyo, so that Stripe's boundaries are on the business dates that the calendar reckons.
    const beganAt = Math.floor(nowMs / 1_000 / day) * day - beganDaysAgo * day + 3 * hour;
    await control.seed({
      products: [{ id: "prod_magazine" }],
      prices: [{ id: "price_monthly", product: "prod_magazine", amount: 1_980 }],
    });
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: beganAt });
    const card = "pm_card_visa";
    const { id: customer } = await stripe.customers.create({
      test_clock: clock.id,
      payment_method: card,
      invoice_settings: { default_payment_method: card },
    });
    const { id: subscription, items } = await stripe.subscriptions.create({
      customer,
      items: [{ price: "price_monthly" }],
    });
    const renewal = items.data[0]?.current_period_end ?? 0;
    const latestInvoice = async () => {
      const { data } = await stripe.invoices.list({ subscription, limit: 1, expand: ["data.payments"] });
      if (data[0] === undefined) throw new Error("the subscription has no invoice");
      return data[0];
    };
    const firstCharge = async () => {
      const charge = (await stripe.charges.list({ customer, limit: 100 })).data.at(-1);
      if (charge === undefined) throw new Error("nothing was charged");
      return charge;
    };
    const [invoice, charge] = [await latestInvoice(), await firstCharge()];
    const first = { invoiceId: invoice.id ?? "", paymentIntentId: idOf(charge.payment_intent) };
    const begun: Begun = { scene, customer, subscription, beganAt, first };
    const begins = scene.isNew === true ? 0 : (await readFile(stateFile, "utf8")).length;
    let seen = begins;
    const show = async () => {
      const state = await readFile(stateFile, "utf8");
      const events = eventsIn(state.slice(seen));
      seen = state.length;
      await audience?.see(events);
      return state;
    };
    await audience?.begin(begun, standIn);
    const advanceTo = async (moment: number) => {
      await show();
      await advance(stripe, clock.id, moment);
      await show();
    };
    await scene.play({ stripe, control, customer, subscription, renewal, advanceTo, latestInvoice, firstCharge });
    const state = await show();
    await audience?.end();
    return { ...begun, state, events: eventsIn(state.slice(begins)) };
  } finally {
    await standIn.stop();
    await rm(folder, { recursive: true });
  }
}

/** The events that a part of a state file holds, in the order in which they were made: a list of Stripe's ends after 30 days. */
function eventsIn(lines: string): readonly StripeEvent[] {
  const changes = lines.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as StateLine]));
  return changes
    .flatMap((line) => (line.type === "change" ? line.change.objects : []))
    .flatMap((object) => {
      const read = object.object === "event" ? readEvent(object) : undefined;
      return read?.type === "event" && usedTypes.includes(read.event.type) ? [read.event] : [];
    });
}

const usedTypes: readonly string[] = eventTypes;
