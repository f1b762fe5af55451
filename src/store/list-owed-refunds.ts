import { type SQL, sql } from "drizzle-orm";
import { type Instant, parseInstant } from "../contract/calendar.ts";
import { onlyCurrency, owedRefundStates, type RefundState } from "../contract/contract.ts";
import type { Database } from "./database.ts";

/** Money that has to go back. */
interface ListedRefund {
  readonly id: string;
  readonly contractId: string;
  /** Whether the contract has been deleted, and only its tombstone and this are left of it. */
  readonly isDeleted: boolean;
  /** Null once it has been forgotten with its contract. */
  readonly customerId: string | null;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly currency: string;
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

/** Money that somebody still has to give back. */
export interface OwedRefund extends ListedRefund {
  readonly state: Extract<RefundState, (typeof owedRefundStates)[number]>;
}

/** Money that Stripe has been told to give back, and has not given back yet. */
export interface RefundOnItsWay extends ListedRefund {
  readonly state: Extract<RefundState, (typeof statesOnTheWay)[number]>;
}

/** A page of refunds, and what all of them come to. */
interface Listed<Refund> {
  readonly refunds: readonly Refund[];
  readonly total: { readonly count: number; readonly amountMinor: number };
}

/** What is owed in all, beside a page of it; and apart from that, since nobody here has to do anything, what is on its way. */
export interface OwedRefunds extends Listed<OwedRefund> {
  readonly onTheirWay: Listed<RefundOnItsWay>;
}

/** Stripe carries it out later, or waits for the customer. It may fail yet, and then it is owed. */
const statesOnTheWay = ["pending", "requires_action"] as const satisfies readonly RefundState[];

/** Neither settled nor waived, nor superseded by a later refund of the same payment. */
function isAmong(states: readonly RefundState[]): SQL {
  return sql`r.state = any (${`{${states.join(",")}}`}::keiyaku.refund_state[]) and r.superseded_by is null`;
}

/**
 * Lists what is owed, the longest owed first, at most `limit` of it, and how much it is in all; refunds of deleted contracts
 * included. Likewise, and apart, what is on its way. One snapshot; locks nothing.
 *
 * Contracts are made in one currency only, and so there is one sum.
 */
export async function listOwedRefunds(
  db: Database,
  { limit, contractId }: { readonly limit: number; readonly contractId?: string | undefined },
): Promise<OwedRefunds> {
  const page = (name: SQL) => sql`json_build_object(
    'refunds', coalesce((select json_agg(json_build_object(
      'id', id, 'contractId', contract_id, 'isDeleted', present is null, 'customerId', customer, 'paymentId', payment_id,
      'amountMinor', amount_minor, 'currency', currency, 'state', state,
      'by', case when state = 'manual_due' then 'hand' else 'stripe' end, 'refusalCode', refusal_code,
      'stripePaymentIntentId', stripe_payment_intent_id, 'operationId', operation_id, 'owedSince', created_at,
      'ageSeconds', floor(extract(epoch from clock_timestamp() - created_at))::bigint) order by created_at, id)
      from (select * from ${name} order by created_at, id limit ${limit}) as page), '[]'),
    'total', (select json_build_object('count', count(*), 'amountMinor', coalesce(sum(amount_minor), 0)) from ${name}))`;
  const [row] = await db.run<{ owed: Listed<OwedRefund>; on_their_way: Listed<RefundOnItsWay> }>(
    "list_owed_refunds",
    sql`with unsettled as (
        select r.*, c.id as present, coalesce(c.customer_id, t.customer_id) as customer, coalesce(c.currency, ${onlyCurrency}) as currency,
          ${isAmong(owedRefundStates)} as is_owed
        from keiyaku.refunds r
        left join keiyaku.contracts c on c.id = r.contract_id
        left join keiyaku.tombstones t on t.contract_id = r.contract_id
        where (${isAmong(owedRefundStates)} or ${isAmong(statesOnTheWay)})
          and (${contractId ?? null}::text is null or r.contract_id = ${contractId ?? null})),
      owed as (select * from unsettled where is_owed),
      on_their_way as (select * from unsettled where not is_owed)
      select ${page(sql`owed`)} as owed, ${page(sql`on_their_way`)} as on_their_way`,
  );
  if (row === undefined) throw new Error("the list of what is owed returned no row");
  return { ...withInstants(row.owed), onTheirWay: withInstants(row.on_their_way) };
}

function withInstants<Refund extends ListedRefund>({ refunds, total }: Listed<Refund>): Listed<Refund> {
  return { refunds: refunds.map((refund) => ({ ...refund, owedSince: parseInstant(refund.owedSince) })), total };
}
