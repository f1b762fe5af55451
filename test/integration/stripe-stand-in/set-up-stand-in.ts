import Stripe from "stripe";
import { onTestFinished } from "vitest";
import type { StandInControl } from "../../../sandbox/stripe/control/control.ts";
import type { Seed } from "../../../sandbox/stripe/control/seed-schema.ts";
import { type StripeStandInOptions, startStripeStandIn } from "../../../sandbox/stripe/stripe-stand-in.ts";
import { eventually } from "../../support/eventually.ts";

/** A stand-in of this test's own, the real SDK talking to it, and what was logged. Stopped when the test is over. */
export async function setUpStandIn(options: StripeStandInOptions = {}) {
  const logged: string[] = [];
  const standIn = await startStripeStandIn({ log: (line) => logged.push(line), ...options });
  onTestFinished(() => standIn.stop());
  return { standIn, control: standIn.control, stripe: clientOf(standIn), logged };
}

/** The SDK as the worker uses it: no retries of its own unless a test asks for them. */
export function clientOf(
  standIn: { readonly port: number; readonly secretKey: string },
  config: Stripe.StripeConfig = {},
): Stripe {
  return new Stripe(standIn.secretKey, {
    host: "127.0.0.1",
    port: standIn.port,
    protocol: "http",
    telemetry: false,
    maxNetworkRetries: 0,
    ...config,
  });
}

/** A customer with a good card and a product at ¥3,000 a month. */
export const SHOP = {
  customers: [{ id: "cus_hanako" }],
  products: [{ id: "prod_course" }],
  prices: [{ id: "price_monthly", product: "prod_course", amount: 3000 }],
} satisfies Seed;

/** A payment of ¥10,000 beside any subscription: `pi_purchase`, `ch_purchase`. */
export const PURCHASE = {
  customers: [{ id: "cus_hanako" }],
  paymentIntents: [{ id: "pi_purchase", customer: "cus_hanako", amount: 10_000 }],
} satisfies Seed;

/** The id of something that was not expanded. */
export function idOf(reference: string | object | null | undefined): string {
  if (typeof reference === "string") return reference;
  throw new Error(`Expected an id, not ${JSON.stringify(reference)}`);
}

/** What a promise was rejected with. Fails when it was not rejected, or not with an error of the SDK. */
export async function stripeErrorOf(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome && outcome.error instanceof Stripe.errors.StripeError) return outcome.error;
  throw new Error(`Expected an error of the SDK, not ${JSON.stringify(outcome)}`);
}

/** Waits until the stand-in holds a request, as a rule told it to. */
export async function untilHeld(control: StandInControl): Promise<void> {
  const isHeld = async () =>
    (await control.requests()).some(({ fault, status }) => fault === "hold" && status === null);
  await eventually(isHeld, { withinMs: 5000, describe: "a held request" });
}
