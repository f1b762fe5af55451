import { newId } from "../core/ids.ts";
import type { Metadata, StoredCustomer } from "../core/stored.ts";

export interface CustomerFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly name?: string | null | undefined;
  readonly email?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly phone?: string | null | undefined;
  /** What the customer owes, or below zero has in credit, at the next invoice. */
  readonly balance?: number | undefined;
  /** The id of the card that invoices are charged to. */
  readonly defaultPaymentMethod?: string | null | undefined;
  readonly testClock?: string | null | undefined;
  readonly metadata?: Metadata | undefined;
}

export function customerObject(facts: CustomerFacts): StoredCustomer {
  const id = facts.id ?? newId("customer");
  return {
    id,
    object: "customer",
    address: null,
    balance: facts.balance ?? 0,
    created: facts.created,
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description: facts.description ?? null,
    discount: null,
    email: facts.email ?? null,
    invoice_prefix: id.slice(-8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: facts.defaultPaymentMethod ?? null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: facts.metadata ?? {},
    name: facts.name ?? null,
    next_invoice_sequence: 1,
    phone: facts.phone ?? null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: "none",
    test_clock: facts.testClock ?? null,
  };
}

/** The id of the test clock that a customer lives on, or null for the stand-in's own clock. */
export function testClockOf({ test_clock: clock }: StoredCustomer): string | null {
  return typeof clock === "string" ? clock : null;
}
