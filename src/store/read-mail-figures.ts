import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** What the outbox comes to at one moment. Counts only: nothing of it names anybody. */
export interface MailFigures {
  /** Mails that wait, those that a sender has taken included. */
  readonly waiting: number;
  /** How long ago the oldest of them was caused, or a person had it sent again, in seconds; 0 when none waits. */
  readonly oldestWaitingSeconds: number;
  /** Those of the last {@link mailsForAPersonDays} days of which a person should know. */
  readonly unknown: number;
  readonly refused: number;
}

/**
 * How long a mail that was refused, or of which nobody knows whether it was sent, counts. A person has read the alarm and
 * the log by then; the list goes on showing it.
 */
export const mailsForAPersonDays = 7;

/** Reads all figures in one statement, and so of one moment, by the partial indexes of what is not sent. Locks nothing. */
export async function readMailFigures(db: Database, deadlineMs: number): Promise<MailFigures> {
  const [row] = await db.run<{ figures: MailFigures }>(
    "mail_figures",
    sql`with unsent as (
        select created_at, resends from keiyaku.notifications where state = 'waiting'
        union all select created_at, resends from keiyaku.notifications where state = 'claimed'),
      waiting as (
        select count(*) as waiting, min(coalesce((resends -> -1 ->> 'at')::timestamptz, created_at)) as oldest_at
        from unsent),
      told as (
        select count(*) filter (where state = 'unknown') as unknown, count(*) filter (where state = 'refused') as refused
        from keiyaku.notifications where state in ('refused', 'unknown')
          and claimed_at > clock_timestamp() - ${mailsForAPersonDays} * interval '1 day')
      select json_build_object('waiting', waiting, 'unknown', unknown, 'refused', refused,
        'oldestWaitingSeconds',
        coalesce(greatest(extract(epoch from clock_timestamp() - oldest_at), 0)::float8, 0)) as figures
      from waiting, told`,
    { deadlineMs },
  );
  if (row === undefined) throw new Error("the outbox's figures are one row");
  return row.figures;
}
