import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { type OperationSummary, summaryColumns } from "./operation-summary.ts";
import { camelKeys } from "./read-operation.ts";

/**
 * Of the operations with these numbers of the global sequence, those that wait for nothing any more but perhaps a person:
 * final, or held. In the order of acceptance. The caller bounds how many it asks about; a thousand are read by index.
 */
export async function readOutcomes(db: Database, sequences: readonly number[]): Promise<readonly OperationSummary[]> {
  const rows = await db.run<{ operation: Record<string, unknown> }>(
    "read_outcomes",
    sql`select row_to_json(s) as operation from (
      select ${summaryColumns} from keiyaku.operations o
      where o.sequence = any (${`{${sequences.join(",")}}`}::bigint[])
        and o.state in ('held', 'succeeded', 'rejected', 'abandoned') order by o.sequence) s`,
  );
  return rows.map(({ operation }) => camelKeys<OperationSummary>(operation));
}
