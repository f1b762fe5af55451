import { type SQL, sql } from "drizzle-orm";
import { json } from "./guarded-statement.ts";

/**
 * Whether an event of the inbox waits for one of these reasons, or was ignored for one; what a person has said of it stands
 * behind a semicolon. By the index of reasons, which needs both conditions.
 */
export function waitsFor(reasons: readonly string[]): SQL {
  return sql`state_reason is not null
    and split_part(state_reason, chr(59), 1) = any (array(select jsonb_array_elements_text(${json(reasons)})))`;
}
