import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { type OperationSummary, summaryColumns } from "./operation-summary.ts";
import { camelKeys } from "./read-operation.ts";

/** Reads one operation by its key; undefined when there is none of this id. Locks nothing. */
export async function readOperationSummary(db: Database, operationId: string): Promise<OperationSummary | undefined> {
  const [row] = await db.run<{ operation: Record<string, unknown> }>(
    "read_operation_summary",
    sql`select row_to_json(s) as operation from (
      select ${summaryColumns} from keiyaku.operations o where o.id = ${operationId}) s`,
  );
  return row === undefined ? undefined : camelKeys<OperationSummary>(row.operation);
}
