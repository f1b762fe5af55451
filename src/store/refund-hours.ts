import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import type { Part } from "./guarded-statement.ts";

const thisHour: SQL = sql`date_trunc('hour', clock_timestamp())`;

/** How much has been sent as refunds since the full hour, in the currency's minor unit, while the limit was set. */
export async function readRefundedThisHour(db: Database): Promise<number> {
  const [row] = await db.run<{ amountMinor: string }>(
    "read_refunded_this_hour",
    sql`select amount_minor as "amountMinor" from keiyaku.refund_hours where hour = ${thisHour}`,
  );
  return Number(row?.amountMinor ?? 0);
}

/**
 * Counts a refund into this hour, and meets no row if that would exceed the limit: of two at once, the one that comes
 * second sees what the first has counted. Without a limit it is counted all the same.
 */
export function countedRefundPart(amountMinor: number, limitMinor: number | null): Part {
  const fits = (sum: SQL) => (limitMinor === null ? sql`true` : sql`${sum} <= ${limitMinor}`);
  return {
    name: "refunded_this_hour",
    rows: 1,
    statement: sql`insert into keiyaku.refund_hours as h (hour, amount_minor)
      select ${thisHour}, ${amountMinor}::bigint where ${fits(sql`${amountMinor}::bigint`)}
      on conflict (hour) do update set amount_minor = h.amount_minor + excluded.amount_minor
        where ${fits(sql`h.amount_minor + excluded.amount_minor`)} returning hour`,
  };
}
