import { sql } from "drizzle-orm";
import { type Instant, parseInstant } from "../contract/calendar.ts";
import type { OperationKind } from "../contract/operation.ts";
import type { Database } from "./database.ts";

/** A held operation as a list names it: what is asked, and since when. */
export interface HeldOperation {
  readonly id: string;
  readonly kind: OperationKind;
  readonly question: string;
  /** When it came to be held; its last write was that. */
  readonly heldAt: Instant;
}

/** Lists at most `limit` held operations, in the order in which they were accepted. Locks nothing; an index finds them. */
export async function listHeld(db: Database, limit: number): Promise<readonly HeldOperation[]> {
  const rows = await db.run<{ id: string; kind: OperationKind; question: string; heldAt: string }>(
    "list_held",
    sql`select id, kind, held_question ->> 'code' as question,
        to_json(coalesce(touched_at, accepted_at)) #>> '{}' as "heldAt"
      from keiyaku.operations where state = 'held' order by sequence limit ${limit}`,
  );
  return rows.map((row) => ({ ...row, heldAt: parseInstant(row.heldAt) }));
}
