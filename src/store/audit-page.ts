import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** A page of what an audit checks. */
export interface AuditPage {
  /** The last key of the page; null for one without any. */
  readonly last: string | null;
  readonly checked: number;
}

/** A row that should not be. */
export interface AuditViolation {
  /** The id of what is wrong. */
  readonly subject: string;
  /** What is wrong with it, as the end of a sentence. */
  readonly detail: string;
}

/** A page takes a small part of this; what takes longer goes without an index, and is stopped. */
const pageWithinMs = 12_000;

/** Finds the page of at most `limit` keys after a key, by the text of an invariant. Only reads. */
export async function readAuditPage(db: Database, text: string, after: string, limit: number): Promise<AuditPage> {
  const statement = bound(text, { after: sql`${after}::text`, limit: sql`${limit}::integer` });
  const [row] = await db.run<{ last: string | null; checked: number }>("audit_page", statement, {
    deadlineMs: pageWithinMs,
  });
  return row ?? { last: null, checked: 0 };
}

/** Finds what is wrong among the keys of a page, by the text of an invariant. Only reads. */
export function readAuditViolations(
  db: Database,
  text: string,
  after: string,
  last: string,
): Promise<readonly AuditViolation[]> {
  const statement = bound(text, { after: sql`${after}::text`, last: sql`${last}::text` });
  return db.run<{ subject: string; detail: string }>("audit_violations", statement, { deadlineMs: pageWithinMs });
}

/** The text with its names in place of which there are parameters: no part of it is ever made of a value. */
function bound(text: string, names: Readonly<Record<string, SQL>>): SQL {
  const parts = text.split(/\$([a-z]+)/);
  return sql.join(
    parts.map((part, index) => {
      if (index % 2 === 0) return sql.raw(part);
      const value = names[part];
      if (value === undefined) throw new Error(`an audit's text names $${part}, which it is not given`);
      return value;
    }),
    sql``,
  );
}

/** Counts the contracts, of which an audit checks most. */
export async function countContracts(db: Database): Promise<number> {
  const [row] = await db.run<{ total: number }>(
    "count_contracts",
    sql`select count(*)::int as total from keiyaku.contracts`,
  );
  return row?.total ?? 0;
}
