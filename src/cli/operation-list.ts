import { listOperations, type OperationFilter } from "../store/list-operations.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { showOutcome } from "./show-outcome.ts";
import { showTable } from "./show-table.ts";
import { inUtc, showInstant } from "./show-time.ts";

export interface OperationListOptions extends OperationFilter {
  readonly json?: boolean;
}

/** Lists operations, the last accepted first. */
export async function operationList(
  { db, out, err, config }: CommandContext,
  { json = false, ...filter }: OperationListOptions,
): Promise<ExitCode> {
  const operations = await listOperations(db, filter);
  if (json) {
    writeJson(out, operations.map(inUtc));
    return exitCodes.done;
  }
  const zone = config.businessTimeZone;
  const rows = operations.map((operation) => [
    showInstant(operation.acceptedAt, zone),
    operation.id,
    operation.kind,
    operation.contractId,
    plainText(`${operation.actorType}:${operation.actorId}`, 40),
    operation.state,
    plainText(showOutcome(operation, zone), 80),
  ]);
  out.write(showTable(out, ["accepted", "operation", "kind", "contract", "by", "state", ""], rows));
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  if (operations.length === filter.limit) {
    writeLine(err, paint(err, "dim", `These are the last ${filter.limit}; --limit shows more.`));
  }
  return exitCodes.done;
}
