import { type SQL, sql } from "drizzle-orm";

/**
 * One part of a guarded statement: a write, or a locking read, that returns a row for each row it met.
 *
 * `rows` is how many it must meet. `any` leaves it uncounted, for what may be there already (a catalog entry) or may meet
 * nothing; a part on which something else relies is never uncounted.
 */
export interface Part {
  readonly name: string;
  readonly statement: SQL;
  readonly rows: number | "any";
}

/**
 * Writes several parts as one statement that takes effect wholly or not at all.
 *
 * PostgreSQL runs the parts in no order on one snapshot, and a part that meets no row is no error to it. So each part is
 * counted, and `keiyaku.expect_rows` raises 40001 unless every count is as expected: the caller reads again and decides
 * again. No two parts may write the same row: only one of the writes would happen, and nothing would say so.
 *
 * `also` is what else its one row tells, after a comma, such as what a part has returned.
 */
export function guardedStatement(parts: readonly Part[], also = sql``): SQL {
  return sql`${withParts(parts)} select ${guard(parts)} as guarded${also}`;
}

/**
 * A guarded statement that frees a contract: its one row's `next` is the operation to ring for, or null. It is looked up
 * when everything else of the statement is written and locked, on a snapshot of its own.
 */
export function freeingStatement(parts: readonly Part[], contractId: string): SQL {
  return sql`${withParts(parts)} select keiyaku.next_operation(${contractId}, ${guard(parts)}) as next`;
}

/** A guarded statement that accepts the requests which it settles: {request, takenAt, outcome}, a contract each. */
export function settlingStatement(parts: readonly Part[], accepted: readonly object[]): SQL {
  return sql`${withParts(parts)} select keiyaku.accept_settled(${json(accepted)}, ${guard(parts)})`;
}

function withParts(parts: readonly Part[]): SQL {
  const names = parts.map((part) => part.name);
  if (parts.length === 0 || new Set(names).size !== names.length) {
    throw new Error(`a guarded statement needs parts of different names, not: ${names.join(", ") || "none"}`);
  }
  for (const name of names) {
    if (!/^[a-z_]+$/.test(name)) throw new Error(`${name} cannot name a part of a statement`);
  }
  const bodies = parts.map((part) => sql`${sql.identifier(part.name)} as (${part.statement})`);
  return sql`with ${sql.join(bodies, sql`, `)}`;
}

function guard(parts: readonly Part[]): SQL {
  const counted = parts.filter((part) => part.rows !== "any");
  if (counted.length === 0) throw new Error("a guarded statement needs a part that is counted");
  const counts = counted.map((part) => sql`(select count(*) from ${sql.identifier(part.name)})`);
  return sql`keiyaku.expect_rows(
      ${`{${counted.map((part) => part.name).join(",")}}`}::text[],
      ${`{${counted.map((part) => part.rows).join(",")}}`}::bigint[],
      array[${sql.join(counts, sql`, `)}])`;
}

/** A value as a `jsonb` parameter. Sent as text and cast, since the driver would turn a string into a JSON string. */
export function json(value: unknown): SQL {
  return sql`${JSON.stringify(value)}::text::jsonb`;
}
