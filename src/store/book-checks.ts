import { sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { Database } from "./database.ts";
import { guardedStatement, json } from "./guarded-statement.ts";

/** A look through the books that is under way. */
export interface BookCheck<Counts> {
  readonly id: number;
  /** The last key that was looked at; empty before the first. */
  readonly cursor: string;
  readonly total: number;
  readonly looked: number;
  readonly counts: Counts;
}

/** Which look it is, and who began it: a person's and the night's know nothing of each other. */
export interface BookCheckKind {
  readonly kind: "reconcile" | "audit";
  readonly askedBy: "command" | "nightly";
}

/** As many as somebody reads. The counts are of all; the command names them all. */
const findingsMax = 200;

/** The last of its kind that was interrupted; undefined when there is none. */
export async function findUnfinishedCheck<Counts>(
  db: Database,
  { kind, askedBy }: BookCheckKind,
): Promise<BookCheck<Counts> | undefined> {
  const [row] = await db.run<BookCheck<Counts> & Record<string, unknown>>(
    "find_unfinished_check",
    sql`select id, cursor, total, looked, counts from keiyaku.book_checks
      where kind = ${kind} and asked_by = ${askedBy} and state = 'running' order by id desc limit 1`,
  );
  return row;
}

/** Whether one of its kind has come to its end since then. */
export async function isCheckedSince(db: Database, { kind, askedBy }: BookCheckKind, since: Instant): Promise<boolean> {
  const rows = await db.run(
    "find_check_since",
    sql`select id from keiyaku.book_checks
      where kind = ${kind} and asked_by = ${askedBy} and done_at >= ${since}::timestamptz order by id desc limit 1`,
  );
  return rows.length > 0;
}

/** Begins a new one. One of its kind that was interrupted is forgotten: whoever is still at it meets a conflict. */
export async function beginCheck<Counts>(
  db: Database,
  { kind, askedBy }: BookCheckKind,
  { total, counts }: { readonly total: number; readonly counts: Counts },
): Promise<BookCheck<Counts>> {
  const [row] = await db.run<{ id: number }>(
    "begin_check",
    sql`with forgotten as (
        delete from keiyaku.book_checks where kind = ${kind} and asked_by = ${askedBy} and state = 'running' returning id)
      insert into keiyaku.book_checks (kind, asked_by, total, counts)
      values (${kind}, ${askedBy}, ${total}, ${json(counts)}) returning id`,
  );
  if (row === undefined) throw new Error("a look through the books is one row");
  return { id: row.id, cursor: "", total, looked: 0, counts };
}

/** What a page has come to. */
export interface PageLooked<Counts> {
  readonly cursor: string;
  readonly looked: number;
  readonly counts: Counts;
  readonly findings: readonly object[];
  /** Whether it was the last. */
  readonly isLast: boolean;
}

/**
 * Notes that a page has been looked at. A conflict: somebody else is at the same look, and has noted it, or a new one has
 * begun.
 */
export async function noteLooked<Counts>(
  db: Database,
  check: BookCheck<Counts>,
  { cursor, looked, counts, findings, isLast }: PageLooked<Counts>,
): Promise<BookCheck<Counts>> {
  const part = {
    name: "looked",
    rows: 1,
    statement: sql`update keiyaku.book_checks set cursor = ${cursor}, looked = ${looked}, counts = ${json(counts)},
        findings = (select coalesce(jsonb_agg(f.found order by f.place), '[]')
          from jsonb_array_elements(findings || ${json(findings)}) with ordinality as f (found, place)
          where f.place <= ${findingsMax}),
        state = case when ${isLast}::boolean then 'done' else state end,
        done_at = case when ${isLast}::boolean then clock_timestamp() end
      where id = ${check.id} and state = 'running' and cursor = ${check.cursor} and looked = ${check.looked}
      returning id`,
  };
  await db.run("note_looked", guardedStatement([part]));
  return { ...check, cursor, looked, counts };
}
