import { newId } from "../core/ids.ts";
import type { InvoiceStatus, Metadata, StoredCustomer, StoredInvoice, StoredInvoiceLine } from "../core/stored.ts";
import { testClockOf } from "./customer.ts";
import { type LineFacts, lineObject } from "./invoice-line.ts";

/** The subscription that an invoice bills, with the metadata that it had at that moment. */
export interface InvoiceParent {
  readonly subscription: string;
  readonly metadata: Metadata;
}

export interface InvoiceFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly customer: StoredCustomer;
  readonly currency: string;
  readonly status: InvoiceStatus;
  readonly billingReason: "subscription_create" | "subscription_cycle" | "subscription_update" | "manual";
  readonly parent: InvoiceParent | null;
  readonly lines: readonly LineFacts[];
  readonly periodStart: number;
  readonly periodEnd: number;
  readonly autoAdvance: boolean;
  readonly attemptCount: number;
  readonly nextPaymentAttempt: number | null;
  readonly metadata?: Metadata | undefined;
  /** Whether webhook endpoints have to be told of it before its hour as a draft begins. */
  readonly isAwaited?: boolean;
}

/** An invoice in its status, before any money: `amount_paid` is zero until `paidInvoice`. */
export function invoiceObject(facts: InvoiceFacts): StoredInvoice {
  const id = facts.id ?? newId("invoice");
  const isFinal = facts.status !== "draft";
  const lines = facts.lines.map((line) => lineObject(id, facts.currency, line));
  const total = lines.reduce((sum, line) => sum + line.amount, 0);
  const { customer } = facts;
  return {
    ...NOT_USED,
    id,
    object: "invoice",
    amount_due: Math.max(0, total),
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: Math.max(0, total),
    amount_shipping: 0,
    attempt_count: facts.attemptCount,
    attempted: facts.attemptCount > 0,
    auto_advance: facts.autoAdvance,
    automatically_finalizes_at:
      facts.status === "draft" && facts.autoAdvance ? facts.created + DRAFT_SECONDS + 1 : null,
    billing_reason: facts.billingReason,
    collection_method: "charge_automatically",
    created: facts.created,
    currency: facts.currency,
    customer: customer.id,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_phone: customer.phone ?? null,
    effective_at: isFinal ? facts.created : null,
    ending_balance: isFinal ? customer.balance : null,
    lines: listOfLines(id, lines),
    metadata: facts.metadata ?? {},
    next_payment_attempt: facts.nextPaymentAttempt,
    number: isFinal ? numberOf(id) : null,
    parent: parentObject(facts.parent),
    period_end: facts.periodEnd,
    period_start: facts.periodStart,
    starting_balance: customer.balance,
    status: facts.status,
    test_clock: testClockOf(customer),
    status_transitions: {
      finalized_at: isFinal ? facts.created : null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    subtotal: total,
    subtotal_excluding_tax: total,
    total,
    total_excluding_tax: total,
    webhooks_delivered_at: facts.isAwaited === true ? null : facts.created,
  };
}

/** How long a renewal's invoice stays a draft. */
export const DRAFT_SECONDS = 3600;

/** A number is given at finalization; the customer's own sequence is not imitated. */
export function numberOf(invoiceId: string): string {
  return `SANDBOX-${invoiceId.slice("in_".length).toUpperCase()}`;
}

function parentObject(parent: InvoiceParent | null): StoredInvoice["parent"] {
  if (parent === null) return null;
  return {
    quote_details: null,
    subscription_details: { metadata: { ...parent.metadata }, subscription: parent.subscription },
    type: "subscription_details",
  };
}

function listOfLines(invoiceId: string, data: StoredInvoiceLine[]): StoredInvoice["lines"] {
  return { object: "list", data, has_more: false, url: `/v1/invoices/${invoiceId}/lines` };
}

/** Parts of an invoice that stay the same throughout the imitation. */
const NOT_USED = {
  account_country: "JP",
  account_name: "Sandbox",
  account_tax_ids: null,
  application: null,
  automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
  custom_fields: null,
  customer_account: null,
  customer_address: null,
  customer_shipping: null,
  customer_tax_exempt: "none",
  customer_tax_ids: [],
  default_payment_method: null,
  default_source: null,
  default_tax_rates: [],
  description: null,
  discounts: [],
  due_date: null,
  footer: null,
  from_invoice: null,
  hosted_invoice_url: null,
  invoice_pdf: null,
  issuer: { type: "self" },
  last_finalization_error: null,
  latest_revision: null,
  livemode: false,
  on_behalf_of: null,
  payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
  post_payment_credit_notes_amount: 0,
  pre_payment_credit_notes_amount: 0,
  receipt_number: null,
  rendering: null,
  shipping_cost: null,
  shipping_details: null,
  statement_descriptor: null,
  total_discount_amounts: [],
  total_pretax_credit_amounts: [],
  total_taxes: [],
} satisfies Partial<StoredInvoice>;
