import { sql } from "drizzle-orm";
import type { AuditCounts } from "../audit/audit.ts";
import { owedRefundStates } from "../contract/contract.ts";
import type { ReconcileCounts } from "../reconcile/reconcile.ts";
import type { Database } from "./database.ts";

/** What the ledger, the refunds and the inbox come to at one moment. Counts and sums only: nothing of it names anybody. */
export interface LedgerFigures {
  readonly requested: number;
  readonly executing: number;
  readonly held: number;
  /** Of those requested, how many wait because Stripe does not let our key do what they need: 401 or 403. */
  readonly keyRefused: number;
  /** How long ago the oldest open operation was accepted, in seconds; 0 when none is open. */
  readonly oldestOpenSeconds: number;
  /** Operations whose turn it is, that are due, and for which nobody has rung for two minutes: four sweeps missed them. */
  readonly overdue: number;
  /** How many refunds somebody still has to make, and their sum by currency. */
  readonly owed: number;
  readonly owedMinor: Readonly<Record<string, number>>;
  readonly events: EventFigures;
  /** How long ago Stripe's list of events was read as it then was, in seconds; null before the first back-fill. */
  readonly eventsListedSeconds: number | null;
  readonly books: BookFigures;
}

/** What the last look through all of our books of each kind has found; left out before the first has come to its end. */
export interface BookFigures {
  readonly reconcile?: { readonly ageSeconds: number; readonly counts: ReconcileCounts };
  readonly audit?: { readonly ageSeconds: number; readonly counts: AuditCounts };
}

/** What waits in the inbox. */
export interface EventFigures {
  readonly received: number;
  readonly unmatched: number;
  readonly held: number;
  /** How many of these nothing but a person's word, or the registration of their contract, has looked at again. */
  readonly forAPerson: number;
  /** How long the event that is longest due has waited to be looked at, in seconds; 0 when none is due. */
  readonly oldestDueSeconds: number;
}

/** As text of the statement, not as a parameter: only then is the partial index of owed refunds known to fit. */
const owedStates = sql.raw(owedRefundStates.map((state) => `'${state}'`).join(", "));

/**
 * Reads all figures in one statement, and so of one moment. Locks nothing. It reads what is open, owed and waiting by
 * partial indexes, so it costs what those come to, not what the ledger does.
 *
 * Owed is a refund in an owed state that no later one has taken the place of. The contract of a refund that outlived it
 * tells no currency any more; every contract is in yen.
 */
export async function readLedgerFigures(db: Database, deadlineMs: number): Promise<LedgerFigures> {
  const [row] = await db.run<{ figures: LedgerFigures }>(
    "ledger_figures",
    sql`with opened as (
        select count(*) filter (where state = 'requested') as requested,
          count(*) filter (where state = 'executing') as executing,
          count(*) filter (where state = 'held') as held,
          count(*) filter (where wait_reason in ('unauthorized', 'forbidden')) as key_refused,
          min(accepted_at) as oldest_at
        from keiyaku.operations where state in ('requested', 'executing', 'held')),
      missed as (
        select count(*) as overdue from keiyaku.operations o
        where o.ring_at < clock_timestamp() - interval '2 minutes'
          and (o.occupies or not exists (
            select from keiyaku.operations e
            where e.contract_id = o.contract_id and e.id <> o.id and e.state in ('requested', 'executing', 'held')
              and (e.occupies or e.sequence < o.sequence)))),
      owed as (
        select coalesce(c.currency, 'jpy') as currency, count(*) as refunds, sum(r.amount_minor) as minor
        from keiyaku.refunds r left join keiyaku.contracts c on c.id = r.contract_id
        where r.state in (${owedStates}) and r.superseded_by is null
        group by 1),
      due as (
        select count(*) filter (where state = 'received') as received, min(look_at) as oldest_at
        from keiyaku.stripe_events where look_at is not null),
      asked as (
        select count(*) filter (where state = 'unmatched') as unmatched, count(*) filter (where state = 'held') as held,
          count(*) filter (where look_at is null) as for_a_person
        from keiyaku.stripe_events where state in ('unmatched', 'held'))
      select json_build_object(
        'requested', requested, 'executing', executing, 'held', opened.held, 'overdue', overdue,
        'keyRefused', key_refused,
        'oldestOpenSeconds', coalesce(greatest(extract(epoch from clock_timestamp() - opened.oldest_at), 0)::float8, 0),
        'eventsListedSeconds', (
          select greatest(extract(epoch from clock_timestamp() - listed_until), 0)::float8 from keiyaku.event_backfills),
        'books', (
          select coalesce(json_object_agg(kind, json_build_object('counts', counts,
            'ageSeconds', greatest(extract(epoch from clock_timestamp() - done_at), 0)::float8)), '{}')
          from (select distinct on (kind) kind, counts, done_at from keiyaku.book_checks where state = 'done'
            order by kind, id desc) as last_done),
        'owed', (select coalesce(sum(refunds), 0) from owed),
        'owedMinor', (select coalesce(json_object_agg(currency, minor), '{}') from owed),
        'events', json_build_object(
          'received', due.received, 'unmatched', asked.unmatched, 'held', asked.held, 'forAPerson', for_a_person,
          'oldestDueSeconds',
          coalesce(greatest(extract(epoch from clock_timestamp() - due.oldest_at), 0)::float8, 0))) as figures
      from opened, missed, due, asked`,
    { deadlineMs },
  );
  if (row === undefined) throw new Error("the ledger's figures are one row");
  return row.figures;
}
