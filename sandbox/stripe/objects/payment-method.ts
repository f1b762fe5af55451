import { newId } from "../core/ids.ts";
import type { Metadata, StoredPaymentMethod } from "../core/stored.ts";

export interface PaymentMethodFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly customer: string | null;
  readonly brand: string;
  readonly last4: string;
  readonly metadata?: Metadata | undefined;
}

/** A card. Of its number only the last four digits are kept, which tell Stripe's test cards apart. */
export function paymentMethodObject(facts: PaymentMethodFacts): StoredPaymentMethod {
  return {
    id: facts.id ?? newId("paymentMethod"),
    object: "payment_method",
    allow_redisplay: "unspecified",
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    card: {
      brand: facts.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" },
      country: "JP",
      display_brand: facts.brand,
      exp_month: 12,
      exp_year: 2099,
      fingerprint: `sandbox${facts.last4}`,
      funding: "credit",
      generated_from: null,
      last4: facts.last4,
      networks: { available: [facts.brand], preferred: null },
      regulated_status: "unregulated",
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: facts.created,
    customer: facts.customer,
    customer_account: null,
    livemode: false,
    metadata: facts.metadata ?? {},
    type: "card",
  };
}
