import { sql } from "drizzle-orm";
import type { OperationKind, OperationState } from "../contract/operation.ts";
import type { Database } from "./database.ts";
import { type OperationSummary, summaryColumns } from "./operation-summary.ts";
import { camelKeys } from "./read-operation.ts";

/** Which operations to list; what is left out does not narrow. */
export interface OperationFilter {
  readonly states?: readonly OperationState[];
  readonly kind?: OperationKind;
  readonly contractId?: string;
  readonly limit: number;
}

/**
 * Lists at most `limit` operations, the last accepted first. Locks nothing, and reads one snapshot. By contract, or for
 * held ones alone, an index finds them; otherwise it reads the ledger backwards until it has enough.
 */
export async function listOperations(
  db: Database,
  { states, kind, contractId, limit }: OperationFilter,
): Promise<readonly OperationSummary[]> {
  const conditions = [
    ...(states === undefined ? [] : [sql`o.state = any (${`{${states.join(",")}}`}::keiyaku.operation_state[])`]),
    ...(kind === undefined ? [] : [sql`o.kind = ${kind}::keiyaku.operation_kind`]),
    ...(contractId === undefined ? [] : [sql`o.contract_id = ${contractId}`]),
  ];
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  const rows = await db.run<{ operation: Record<string, unknown> }>(
    "list_operations",
    sql`select row_to_json(s) as operation from (
      select ${summaryColumns} from keiyaku.operations o ${where} order by o.sequence desc limit ${limit}) s`,
  );
  return rows.map(({ operation }) => camelKeys<OperationSummary>(operation));
}
