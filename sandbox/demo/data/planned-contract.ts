import type { ParamsOf } from "../../../src/client.ts";

/** A contract of the demo's making: the parameters of its registration, dates in the demo's notation. */
export interface PlannedContract {
  readonly id: string;
  readonly role: Role;
  readonly params: ParamsOf<"register">;
}

/** What a contract is in the demo for. The requests are written by role. */
export const roles = [
  "course_unpaid",
  "course_by_bank",
  "course_ahead_by_bank",
  "course_by_card",
  "course_ahead_by_card",
  "course_unpaid_by_card",
  "course_canceled",
  "monthly_unpaid",
  "monthly",
  "monthly_special",
  "monthly_ahead",
  "monthly_suspended",
  "monthly_reserved",
  "monthly_reserved_by_month",
  "monthly_suspended_reserved",
  "monthly_date_reached",
  "monthly_by_card",
  "monthly_special_by_card",
  "monthly_ahead_by_card",
  "monthly_unpaid_by_card",
  "monthly_suspended_by_card",
  "monthly_reserved_by_card",
  "renewing_today",
  "ended",
] as const;
export type Role = (typeof roles)[number];

export type Payment = NonNullable<ParamsOf<"register">["payments"]>[number];

/** The ids that a contract's objects have at the stand-in. Readable, so that a line of the books finds its line at Stripe. */
export const stripeIds = {
  customer: (customerId: string) => `cus_${customerId.replace("-", "")}`,
  subscription: (contractId: string) => `sub_${contractId.replace("-", "")}`,
  paymentIntent: (contractId: string) => `pi_${contractId.replace("-", "")}`,
  invoice: (contractId: string, period: number | "fee") => `in_${contractId.replace("-", "")}_${period}`,
  invoicePaymentIntent: (contractId: string, period: number | "fee") => `pi_${contractId.replace("-", "")}_${period}`,
} as const;
