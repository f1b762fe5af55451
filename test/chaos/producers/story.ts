import type { Seed } from "../../../sandbox/stripe/control/seed-schema.ts";

/** The ways by which a request comes in. */
export const doors = ["queue", "sql", "http", "command_line"] as const;
export type Door = (typeof doors)[number];

/** A request as a producer writes it, before any door has given it its form. */
export interface Request {
  readonly id: string;
  readonly kind: string;
  readonly contractId: string;
  readonly actor: { readonly type: "operator" | "customer" | "service"; readonly id: string };
  readonly params?: Readonly<Record<string, unknown>>;
  readonly reason?: string;
}

/** What happens at Stripe without us. */
export type Happening =
  | { readonly type: "card_declined"; readonly customer: string }
  | { readonly type: "invoice_paid"; readonly invoice: string }
  | { readonly type: "payment_disputed"; readonly charge: string }
  | { readonly type: "subscription_lifted"; readonly subscription: string }
  | { readonly type: "subscription_ended"; readonly subscription: string }
  | { readonly type: "payment_refunded"; readonly paymentIntent: string };

export type Deed =
  | { readonly type: "request"; readonly request: Request }
  | { readonly type: "happening"; readonly happening: Happening }
  | { readonly type: "product"; readonly product: Readonly<Record<string, unknown>> };

/** One contract's life as people wish it: what is at Stripe before it begins, and what they ask for, one after the other. */
export interface Story {
  readonly contractId: string;
  readonly atStripe: Seed | null;
  readonly deeds: readonly Deed[];
}
