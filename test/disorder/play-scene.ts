import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Stripe from "stripe";
import type { StateLine } from "../../sandbox/stripe/core/state.ts";
import { startStripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import { eventTypes, readEvent, type StripeEvent } from "../../src/stripe/events.ts";
import { advance } from "../integration/stripe-stand-in/set-up-clock.ts";
import { clientOf, idOf } from "../integration/stripe-stand-in/set-up-stand-in.ts";
import {
  type Audience,
  type Begun,
  day,
  hour,
  type MonthlyStage,
  type OneTimeStage,
  type Played,
  type Scene,
} from "./scene.ts";

/** So long ago that the last retry of the first renewal lies behind us, and the second renewal ahead. */
const beganDaysAgo = 48;

/** What everything costs: a month, and what is bought once. */
const amount = 1_980;

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
      prices: [{ id: "price_monthly", product: "prod_magazine", amount }],
    });
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: beganAt });
    const card = "pm_card_visa";
    const { id: customer } = await stripe.customers.create({
      test_clock: clock.id,
      payment_method: card,
      invoice_settings: { default_payment_method: card },
    });
    let seen = 0;
    const show = async () => {
      const state = await readFile(stateFile, "utf8");
      const events = eventsIn(state.slice(seen));
      seen = state.length;
      await audience?.see(events);
      return state;
    };
    const advanceTo = async (moment: number) => {
      await show();
      await advance(stripe, clock.id, moment);
      await show();
    };
    const stage = { stripe, control, customer, advanceTo };
    const beginning = scene.kind === "monthly" ? await beginMonthly(scene, stage) : await beginOneTime(scene, stage);
    const from = beginning.begins === "now" ? (await readFile(stateFile, "utf8")).length : 0;
    seen = from;
    const begun: Begun = { scene, customer, beganAt, ids: beginning.ids, first: beginning.first };
    await audience?.begin(begun, standIn);
    await beginning.play();
    const state = await show();
    await audience?.end();
    return { ...begun, state, events: eventsIn(state.slice(from)) };
  } finally {
    await standIn.stop();
    await rm(folder, { recursive: true });
  }
}

/** A scene that is about to be played, and from when on its events are heard: all of them, or those from now on. */
interface Beginning extends Pick<Begun, "ids" | "first"> {
  readonly begins: "before" | "now";
  readonly play: () => Promise<void>;
}

type StageOf<T> = Pick<T, Extract<keyof T, "stripe" | "control" | "customer" | "advanceTo">>;

async function beginMonthly(
  scene: Extract<Scene, { kind: "monthly" }>,
  stage: StageOf<MonthlyStage>,
): Promise<Beginning> {
  const { stripe, customer } = stage;
  const { id: subscription, items } = await stripe.subscriptions.create({
    customer,
    items: [{ price: "price_monthly" }],
  });
  const renewal = items.data[0]?.current_period_end ?? 0;
  const latestInvoice = async () => {
    const { data } = await stripe.invoices.list({ subscription, limit: 1, expand: ["data.payments"] });
    const [invoice] = data;
    if (invoice?.id === undefined) throw new Error("the subscription has no invoice");
    return { ...invoice, id: invoice.id };
  };
  const firstCharge = () => lastOf(stripe.charges.list({ customer, limit: 100 }));
  const [invoice, charge] = [await latestInvoice(), await firstCharge()];
  const paid = { stripeInvoiceId: invoice.id, stripePaymentIntentId: idOf(charge.payment_intent) };
  return {
    begins: scene.isNew === true ? "before" : "now",
    ids: { subscriptionId: subscription },
    first: scene.isNew === true ? null : paid,
    play: () => scene.play({ ...stage, subscription, renewal, latestInvoice, firstCharge }),
  };
}

async function beginOneTime(
  scene: Extract<Scene, { kind: "one_time" }>,
  stage: StageOf<OneTimeStage>,
): Promise<Beginning> {
  const { stripe, customer } = stage;
  const { id: intent } = await stripe.paymentIntents.create({ customer, amount, currency: "jpy" });
  const pay = async (payment_method = "pm_card_visa") => {
    await stripe.paymentIntents.confirm(intent, { payment_method, return_url: "https://example.com/back" });
  };
  const charge = async () => (await lastOf(stripe.charges.list({ payment_intent: intent }))).id;
  return {
    begins: "before",
    ids: { paymentIntentId: intent },
    first: null,
    play: () => scene.play({ ...stage, intent, pay, charge }),
  };
}

async function lastOf<T>(listed: Promise<Stripe.ApiList<T>>): Promise<T> {
  const last = (await listed).data.at(-1);
  if (last === undefined) throw new Error("nothing was charged");
  return last;
}

/** The events that a part of a state file holds, in the order in which they were made: a list of Stripe's ends after 30 days. */
export function eventsIn(lines: string): readonly StripeEvent[] {
  const changes = lines.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as StateLine]));
  return changes
    .flatMap((line) => (line.type === "change" ? line.change.objects : []))
    .flatMap((object) => {
      const read = object.object === "event" ? readEvent(object) : undefined;
      return read?.type === "event" && usedTypes.includes(read.event.type) ? [read.event] : [];
    });
}

const usedTypes: readonly string[] = eventTypes;
