import type { Sql } from "postgres";

/** A contract by card as our tables have it. */
export interface BookedContract {
  readonly id: string;
  readonly status: string;
  readonly subscriptionId: string | null;
  readonly isReserved: boolean;
}

/** A row of the purchase history of a contract by card. */
export interface BookedPayment {
  readonly id: string;
  readonly contractId: string;
  readonly subject: string;
  readonly state: string;
  readonly amountMinor: number;
  readonly paymentIntentId: string | null;
}

/** A refund's row, with the payment intent of the payment that it gives back. */
export interface BookedRefund {
  readonly id: string;
  readonly contractId: string;
  readonly paymentId: string;
  readonly paymentIntentId: string | null;
  readonly amountMinor: number;
  readonly state: string;
  readonly stripeRefundId: string | null;
  readonly operationId: string;
}

/** What our tables say of everything that Stripe has to do with. */
export interface Books {
  readonly contracts: readonly BookedContract[];
  readonly payments: readonly BookedPayment[];
  readonly refunds: readonly BookedRefund[];
}

/** Reads the books by SQL of its own: what checks the worker's work must not share its queries. */
export async function readBooks(sql: Sql): Promise<Books> {
  const contracts = await sql<BookedContract[]>`
    select id, status, stripe_subscription_id as "subscriptionId", termination_on is not null as "isReserved"
    from keiyaku.contracts where payment_method = 'card' order by id`;
  const payments = await sql<BookedPayment[]>`
    select p.id, p.contract_id as "contractId", p.subject, p.state, p.amount_minor::float8 as "amountMinor",
      p.stripe_payment_intent_id as "paymentIntentId"
    from keiyaku.payments p join keiyaku.contracts c on c.id = p.contract_id
    where c.payment_method = 'card' order by p.id`;
  const refunds = await sql<BookedRefund[]>`
    select r.id, r.contract_id as "contractId", r.payment_id as "paymentId",
      p.stripe_payment_intent_id as "paymentIntentId", r.amount_minor::float8 as "amountMinor", r.state,
      r.stripe_refund_id as "stripeRefundId", r.operation_id as "operationId"
    from keiyaku.refunds r join keiyaku.payments p on p.id = r.payment_id
    join keiyaku.contracts c on c.id = r.contract_id
    where c.payment_method = 'card' order by r.id`;
  return { contracts, payments, refunds };
}
