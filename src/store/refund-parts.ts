import { sql } from "drizzle-orm";
import type { RefundIntent } from "../contract/change.ts";
import { json, type Part } from "./guarded-statement.ts";
import type { ContractGuard, Guard } from "./operation-parts.ts";

/**
 * Writes a refund that is about to be sent, or is held instead, as owed; or takes over the row of one that waits. A new one
 * that this operation has written already, when it was held, stays its own.
 */
export function refundParts({ operationId }: Guard, { contractId }: ContractGuard, refund: RefundIntent): Part[] {
  const { isNew, refundId, paymentId, amountMinor, stripePaymentIntentId, supersedes } = refund;
  const written: Part = {
    name: "refund",
    rows: 1,
    statement: isNew
      ? sql`insert into keiyaku.refunds as r (id, contract_id, payment_id, amount_minor, state, stripe_payment_intent_id,
            operation_id)
          values (${refundId}, ${contractId}, ${paymentId}, ${amountMinor}, 'due', ${stripePaymentIntentId}, ${operationId})
          on conflict (id) do update set amount_minor = excluded.amount_minor
            where r.state = 'due' and r.operation_id = excluded.operation_id and r.payment_id = excluded.payment_id
          returning id`
      : sql`update keiyaku.refunds set amount_minor = ${amountMinor}, operation_id = ${operationId},
            stripe_payment_intent_id = ${stripePaymentIntentId}, refusal_code = null
          where id = ${refundId} and payment_id = ${paymentId} and state = 'due' returning id`,
  };
  return supersedes.length > 0 ? [written, supersededPart([{ id: refundId, supersedes }])] : [written];
}

/** Notes on failed refunds which later one has taken their place. */
export function supersededPart(
  refunds: readonly { readonly id: string; readonly supersedes: readonly string[] }[],
): Part {
  const superseding = refunds.flatMap(({ id, supersedes }) => supersedes.map((failed) => ({ id, failed })));
  return {
    name: "superseded_refunds",
    rows: superseding.length,
    statement: sql`update keiyaku.refunds r set superseded_by = m."id"
      from jsonb_to_recordset(${json(superseding)}) as m("id" text, "failed" text)
      where r.id = m."failed" and coalesce(r.superseded_by, m."id") = m."id" and r.state in ('failed', 'canceled')
      returning r.id`,
  };
}
