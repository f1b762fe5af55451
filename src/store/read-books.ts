import { type SQL, sql } from "drizzle-orm";
import type { Contract, Payment, Refund } from "../contract/contract.ts";
import type { Database } from "./database.ts";
import { camelKeys } from "./read-operation.ts";

/** What our tables say of a contract by card, as far as Stripe can say otherwise. */
export interface BookedContract {
  readonly contract: Contract;
  readonly payments: readonly Payment[];
  readonly refunds: readonly Refund[];
  /** The invoices and intents of which an operation has noted that they were paid, whether or not a row came of it. */
  readonly notedPaid: readonly string[];
  /** Whether something is under way that may change it: an operation that is not final, or an event that is not applied. */
  readonly isBusy: boolean;
}

/**
 * An ended contract is held against Stripe for as long as it takes a subscription that was left running to bill it once
 * more, and to be seen doing so. After that its late money tells.
 */
const endedDays = 35;

const isHeldAgainstStripe = sql`c.payment_method = 'card'
  and (c.ended_at is null or c.ended_at > clock_timestamp() - ${sql.raw(String(endedDays))} * interval '1 day')`;

interface BooksRow extends Record<string, unknown> {
  readonly contract: Record<string, unknown>;
  readonly payments: Record<string, unknown>[];
  readonly refunds: Record<string, unknown>[];
  readonly notedPaid: readonly string[];
  readonly isBusy: boolean;
}

/** One row for each contract that the condition picks. */
function books(picked: SQL): SQL {
  return sql`select row_to_json(c) as contract,
      (select coalesce(json_agg(p order by p.period nulls first, p.id), '[]') from keiyaku.payments p
        where p.contract_id = c.id) as payments,
      (select coalesce(json_agg(r order by r.created_at, r.id), '[]') from keiyaku.refunds r
        where r.contract_id = c.id) as refunds,
      (select coalesce(json_agg(coalesce(o.params ->> 'invoiceId', o.params ->> 'paymentIntentId')), '[]')
        from keiyaku.operations o
        where o.contract_id = c.id and o.kind = 'record_payment' and o.state = 'succeeded'
          and not o.outcome ? 'superseded') as "notedPaid",
      (exists (select from keiyaku.operations o
          where o.contract_id = c.id and o.state in ('requested', 'executing', 'held'))
        or exists (select from keiyaku.stripe_events e where e.contract_id = c.id and e.state = 'received')
        or exists (select from keiyaku.stripe_events e
          where e.object_id in (c.stripe_subscription_id, c.stripe_payment_intent_id) and e.state = 'received')) as "isBusy"
    from keiyaku.contracts c where ${picked}`;
}

function toBooks({ contract, payments, refunds, notedPaid, isBusy }: BooksRow): BookedContract {
  return {
    contract: camelKeys<Contract>(contract),
    payments: payments.map((payment) => camelKeys<Payment>(payment)),
    refunds: refunds.map((refund) => camelKeys<Refund>(refund)),
    notedPaid,
    isBusy,
  };
}

/**
 * Reads the next page of contracts by card that are open or have ended lately, by their ids, each as it stands at this
 * moment. Locks nothing. Goes by an index that holds contracts by card alone.
 */
export async function readBooksPage(db: Database, after: string, limit: number): Promise<readonly BookedContract[]> {
  const rows = await db.run<BooksRow>(
    "read_books_page",
    books(sql`${isHeldAgainstStripe} and c.id > ${after} order by c.id limit ${limit}`),
  );
  return rows.map(toBooks);
}

/** Reads one contract by card in the same way; undefined for one that is not there, or that is not paid by card. */
export async function readBooks(db: Database, contractId: string): Promise<BookedContract | undefined> {
  const [row] = await db.run<BooksRow>("read_books", books(sql`c.payment_method = 'card' and c.id = ${contractId}`));
  return row === undefined ? undefined : toBooks(row);
}

/** Counts what all pages together hold. */
export async function countBooks(db: Database): Promise<number> {
  const [row] = await db.run<{ total: number }>(
    "count_books",
    sql`select count(*)::int as total from keiyaku.contracts c where ${isHeldAgainstStripe}`,
  );
  return row?.total ?? 0;
}

/** Of these subscriptions, those that bill a contract of ours, billed one, or were a deleted one's. */
export async function knownSubscriptions(
  db: Database,
  subscriptionIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await db.run<{ id: string }>(
    "known_subscriptions",
    sql`select asked.id from jsonb_array_elements_text(${JSON.stringify(subscriptionIds)}::text::jsonb) as asked (id)
      where exists (select from keiyaku.contracts c where c.stripe_subscription_id = asked.id)
        or exists (select from keiyaku.contracts c where c.former_stripe_subscription_ids @> array[asked.id])
        or exists (select from keiyaku.tombstones t where t.stripe_ids @> array[asked.id])`,
  );
  return new Set(rows.map(({ id }) => id));
}
