import type Stripe from "stripe";
import type { StandInControl } from "../../sandbox/stripe/control/control.ts";
import type { StripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import type { StripeEvent } from "../../src/stripe/events.ts";

export const hour = 3_600;
export const day = 24 * hour;

/** With whom a scene happens, and how its time passes. */
interface Stage {
  readonly stripe: Stripe;
  readonly control: StandInControl;
  readonly customer: string;
  advanceTo(moment: number): Promise<void>;
}

/** A subscription whose first period is paid. */
export interface MonthlyStage extends Stage {
  readonly subscription: string;
  /** The moment of the first renewal, in seconds. */
  readonly renewal: number;
  /** The newest invoice of the subscription. */
  latestInvoice(): Promise<Stripe.Invoice & { readonly id: string }>;
  /** What paid the first period. */
  firstCharge(): Promise<Stripe.Charge>;
}

/** A payment intent that nobody has paid yet. */
export interface OneTimeStage extends Stage {
  readonly intent: string;
  /** The customer pays with this card, as far as the card lets them. */
  pay(card?: string): Promise<void>;
  /** What has paid it. */
  charge(): Promise<string>;
}

/** How a contract stands: what counts, without the ids and times that differ from run to run. */
export interface Standing {
  readonly status: string;
  /** When it is to end: `renewal` if at the next one. */
  readonly reserved: boolean;
  /** The payments, by period: the state of each, and the disputes of it. */
  readonly payments: readonly string[];
  /** Those that can be viewed, by period; `price` for what was bought once. */
  readonly open: readonly (number | "price")[];
  /** State and amount of every refund. */
  readonly refunds: readonly string[];
  /** Attempts at an invoice that customer and operators were told of, each once to both. */
  readonly attemptsTold: readonly number[];
  /** Whether the last mail that speaks of the contract's status says what it is. */
  readonly lastMail: "true" | "untrue";
}

interface SceneHead {
  readonly name: string;
  /** Whether it ends otherwise where we hear of it while it goes on, since we do something about it then. */
  readonly isHeardAfterwards?: boolean;
  readonly end: Standing;
}

export interface MonthlyScene extends SceneHead {
  readonly kind: "monthly";
  /** Whether the contract waits for its first payment, and hears of the subscription from its beginning on. */
  readonly isNew?: boolean;
  play(stage: MonthlyStage): Promise<void>;
}

/** What becomes of a purchase that waits for its payment. */
export interface OneTimeScene extends SceneHead {
  readonly kind: "one_time";
  play(stage: OneTimeStage): Promise<void>;
}

export type Scene = MonthlyScene | OneTimeScene;

/** The beginning of a scene. */
export interface Begun {
  readonly scene: Scene;
  readonly customer: string;
  /** The seconds in which it began. */
  readonly beganAt: number;
  /** By what Stripe has it. */
  readonly ids: { readonly subscriptionId: string } | { readonly paymentIntentId: string };
  /** What is paid already when the contract is registered, if anything. */
  readonly first: { readonly stripeInvoiceId: string; readonly stripePaymentIntentId: string } | null;
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
