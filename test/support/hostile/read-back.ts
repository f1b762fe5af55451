import { contractHistorySchema, operationSchema } from "../../../src/http/api-schemas.ts";
import { readContractHistory } from "../../../src/store/read-contract-history.ts";
import { readOperationRecord } from "../../../src/store/read-operation-record.ts";
import { readOperationSummary } from "../../../src/store/read-operation-summary.ts";
import { contractView } from "../../../src/views/contract-view.ts";
import { operationView } from "../../../src/views/operation-view.ts";
import type { ExecutionBench } from "../execution.ts";
import { on } from "../facts.ts";

/** A date on which everything that is registered here can be looked at. */
const someDay = on("2025-01-20");

/**
 * Throws unless an operation, and its contract if there is one, can be read back whole and in the forms that the API promises:
 * the parameters as they were accepted, every date as a date.
 */
export async function readBack({ db }: Pick<ExecutionBench, "db">, operationId: string): Promise<string> {
  const record = await readOperationRecord(db, operationId);
  const summary = await readOperationSummary(db, operationId);
  if (record === undefined || summary === undefined) throw new Error(`${operationId} was accepted and is not there`);
  operationSchema.parse(JSON.parse(JSON.stringify(operationView(summary))));
  if (!Object.is(JSON.stringify(record.operation.params) === undefined, false)) throw new Error("no parameters");
  const found = await readContractHistory(db, record.operation.contractId, { operationsMax: 500, withCustomer: true });
  if (found.type === "found") {
    contractHistorySchema.parse(JSON.parse(JSON.stringify(contractView(found.history, someDay))));
  }
  return record.operation.state;
}

/** Throws unless everything that was refused says which field was at fault and how. */
export async function refusalsSay({ sql }: Pick<ExecutionBench, "sql">): Promise<number> {
  const rows = await sql<{ field: string | null; problem: string; content: string }[]>`
    select field, problem, content from keiyaku.refused_requests`;
  for (const { field, problem, content } of rows) {
    if (field === null || field === "" || problem === "")
      throw new Error(`a refusal says nothing: ${content.slice(0, 200)}`);
    if (!content.isWellFormed()) throw new Error("a refusal keeps what is no text");
  }
  return rows.length;
}
