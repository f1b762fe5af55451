import type { Sql } from "postgres";

export interface KindOutcome {
  readonly kind: string;
  readonly succeeded: number;
  readonly attention: number;
  readonly rejected: number;
  readonly held: number;
}

/** The rejections of one code, with the detail of the first. */
export interface RejectionCount {
  readonly code: string;
  readonly count: number;
  readonly detail: Readonly<Record<string, string>>;
}

export interface AttentionCount {
  readonly code: string;
  readonly count: number;
}

/** A refused request as the door keeps it. */
export interface RefusalCount {
  readonly code: string;
  readonly field: string;
  readonly count: number;
}

/** A refund that is neither settled nor waived. */
export interface OwedRefund {
  readonly contractId: string;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly state: string;
  readonly refusalCode: string | null;
}

/** What became of everything that was asked. */
export interface Outcomes {
  readonly kinds: readonly KindOutcome[];
  readonly rejections: readonly RejectionCount[];
  readonly attentions: readonly AttentionCount[];
  readonly refusals: readonly RefusalCount[];
  readonly held: readonly { readonly id: string; readonly question: string }[];
  readonly owed: readonly OwedRefund[];
}

/** Reads it from the ledger, leaving out the registrations of the import and what Stripe reported. */
export async function readOutcomes(sql: Sql): Promise<Outcomes> {
  const asked = sql`actor_type <> 'stripe' and actor_id <> 'import'`;
  const kinds = await sql<KindOutcome[]>`
    select kind,
      (count(*) filter (where state = 'succeeded'))::int as succeeded,
      (count(*) filter (where jsonb_array_length(coalesce(outcome -> 'attention', '[]')) > 0))::int as attention,
      (count(*) filter (where state = 'rejected'))::int as rejected,
      (count(*) filter (where state = 'held'))::int as held
    from keiyaku.operations where ${asked} group by kind order by kind`;
  const rejections = await sql<RejectionCount[]>`
    select rejection_code as code, count(*)::int as count,
      coalesce((array_agg(rejection_detail order by sequence))[1], '{}') as detail
    from keiyaku.operations where ${asked} and state = 'rejected' group by rejection_code order by count desc, code`;
  const attentions = await sql<AttentionCount[]>`
    select remark ->> 'code' as code, count(*)::int as count
    from keiyaku.operations, jsonb_array_elements(coalesce(outcome -> 'attention', '[]')) as remark
    where ${asked} group by 1 order by count desc, code`;
  const refusals = await sql<RefusalCount[]>`
    select code, coalesce(field, '') as field, count(*)::int as count
    from keiyaku.refused_requests group by code, field order by code, count desc, field`;
  const held = await sql<{ id: string; question: string }[]>`
    select id, held_question ->> 'code' as question from keiyaku.operations where state = 'held' order by sequence`;
  const owed = await sql<OwedRefund[]>`
    select contract_id as "contractId", payment_id as "paymentId", amount_minor::float8 as "amountMinor", state,
      refusal_code as "refusalCode"
    from keiyaku.refunds where settled_at is null and state not in ('pending', 'requires_action')
    order by state, contract_id, payment_id`;
  return { kinds, rejections, attentions, refusals, held, owed };
}
