import { sql } from "drizzle-orm";
import { type Instant, parseInstant } from "../contract/calendar.ts";
import { onlyCurrency, owedRefundStates, type RefundState } from "../contract/contract.ts";
import type { Database } from "./database.ts";

/** Money that somebody still has to give back. */
export interface OwedRefund {
  readonly id: string;
  readonly contractId: string;
  /** Whether the contract has been deleted, and only its tombstone and this are left of it. */
  readonly isDeleted: boolean;
  /** Null once it has been forgotten with its contract. */
  readonly customerId: string | null;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly state: Extract<RefundState, (typeof owedRefundStates)[number]>;
  /** Whether it goes back by a person's hand, or through Stripe. */
  readonly by: "hand" | "stripe";
  /** Why Stripe refused it for good; null unless it did. */
  readonly refusalCode: string | null;
  readonly stripePaymentIntentId: string | null;
  readonly operationId: string;
  readonly owedSince: Instant;
  /** For how long it has been owed, in whole seconds by the database's clock. */
  readonly ageSeconds: number;
}

/** What is owed in all, beside a page of it. */
export interface OwedRefunds {
  readonly refunds: readonly OwedRefund[];
  readonly total: { readonly count: number; readonly amountMinor: number };
}

/** What counts as owed: neither settled nor waived, nor superseded by a later refund of the same payment. */
export const isOwedRefund = sql`r.state = any (${`{${owedRefundStates.join(",")}}`}::keiyaku.refund_state[])
  and r.superseded_by is null`;

/**
 * Lists what is owed, the longest owed first, at most `limit` of it, and how much it is in all; refunds of deleted contracts
 * included. One snapshot; locks nothing.
 *
 * Contracts are made in one currency only, and so there is one sum.
 */
export async function listOwedRefunds(
  db: Database,
  { limit, contractId }: { readonly limit: number; readonly contractId?: string | undefined },
): Promise<OwedRefunds> {
  const [row] = await db.run<{ owed: OwedRefunds }>(
    "list_owed_refunds",
    sql`with owed as (
        select r.*, c.id as present, coalesce(c.customer_id, t.customer_id) as customer, coalesce(c.currency, ${onlyCurrency}) as currency
        from keiyaku.refunds r
        left join keiyaku.contracts c on c.id = r.contract_id
        left join keiyaku.tombstones t on t.contract_id = r.contract_id
        where ${isOwedRefund} and (${contractId ?? null}::text is null or r.contract_id = ${contractId ?? null})),
      page as (select * from owed order by created_at, id limit ${limit})
      select json_build_object(
        'refunds', coalesce((select json_agg(json_build_object(
          'id', id, 'contractId', contract_id, 'isDeleted', present is null, 'customerId', customer, 'paymentId', payment_id,
          'amountMinor', amount_minor, 'currency', currency, 'state', state,
          'by', case when state = 'manual_due' then 'hand' else 'stripe' end, 'refusalCode', refusal_code,
          'stripePaymentIntentId', stripe_payment_intent_id, 'operationId', operation_id, 'owedSince', created_at,
          'ageSeconds', floor(extract(epoch from clock_timestamp() - created_at))::bigint) order by created_at, id)
          from page), '[]'),
        'total', (select json_build_object('count', count(*), 'amountMinor', coalesce(sum(amount_minor), 0)) from owed)
      ) as owed`,
  );
  if (row === undefined) throw new Error("the list of what is owed returned no row");
  const { refunds, total } = row.owed;
  return { refunds: refunds.map((refund) => ({ ...refund, owedSince: parseInstant(refund.owedSince) })), total };
}
