import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { json } from "./guarded-statement.ts";

/** What a body that is to be kept mentions of contracts that are, or are being, deleted. */
export interface MentionedDeletions {
  /** Whether it mentions something of a deleted contract that is no other contract's. */
  readonly isOfDeleted: boolean;
  /** The open deletion of a contract of which it mentions something; null when there is none. */
  readonly openDeletionId: string | null;
}

/**
 * The contracts that have this id of Stripe's, as `(id)`: as their customer, subscription, payment intent or invoice. Every look
 * is by an index.
 */
function contractsWith(stripeId: SQL): SQL {
  return sql`(select c.id from keiyaku.contracts c where c.stripe_customer_id = ${stripeId}
    union all select c.id from keiyaku.contracts c where c.stripe_subscription_id = ${stripeId}
    union all select c.id from keiyaku.contracts c where c.former_stripe_subscription_ids @> array[${stripeId}]
    union all select c.id from keiyaku.contracts c where c.stripe_payment_intent_id = ${stripeId}
    union all select p.contract_id from keiyaku.payments p where p.stripe_payment_intent_id = ${stripeId}
    union all select p.contract_id from keiyaku.payments p where p.stripe_invoice_id = ${stripeId})`;
}

/** Those of Stripe's ids that no contract has but this one, as an array. */
export function idsOfNoOther(stripeIds: readonly string[], contractId: string): SQL {
  return sql`array(select of.id from jsonb_array_elements_text(${json(stripeIds)}) as of (id)
    where not exists (select from ${contractsWith(sql`of.id`)} as c (id) where c.id <> ${contractId}))`;
}

/**
 * Finds what an event mentions of deletions, as they stand at one moment. Locks nothing.
 *
 * A deletion that is still open may have looked at the inbox before the event came, and forget it no more; so an event is
 * not concluded meanwhile. One that came before it began is found by it, and one that is looked at after its end meets its
 * tombstone.
 */
export async function findMentionedDeletions(db: Database, eventId: string): Promise<MentionedDeletions> {
  const [row] = await db.run<MentionedDeletions & Record<string, unknown>>(
    "find_mentioned_deletions",
    sql`with event as (select mentions from keiyaku.stripe_events where id = ${eventId} and mentions is not null)
      select exists (select from event e join keiyaku.tombstones t on t.stripe_ids && e.mentions
          cross join unnest(t.stripe_ids) as of (id)
          where of.id = any (e.mentions)
            and not exists (select from ${contractsWith(sql`of.id`)} as c (id))) as "isOfDeleted",
        (select o.id from event e cross join unnest(e.mentions) as of (id)
          cross join lateral ${contractsWith(sql`of.id`)} as c (id)
          join keiyaku.operations o on o.contract_id = c.id and o.kind = 'delete'
            and o.state in ('requested', 'executing', 'held')
          order by o.sequence limit 1) as "openDeletionId"`,
  );
  if (row === undefined) throw new Error("what an event mentions is one row");
  return row;
}
