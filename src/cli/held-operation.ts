import { type OperationRecord, readOperationRecord } from "../store/read-operation-record.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { exitCodes } from "./exit-codes.ts";
import { operationNotFound } from "./operation-not-found.ts";

/** Reads an operation about which somebody wants to decide. Throws, with what is so instead, unless it is held. */
export async function readHeldOperation(
  { db }: Pick<CommandContext, "db">,
  operationId: string,
): Promise<OperationRecord> {
  const record = await readOperationRecord(db, operationId);
  if (record === undefined) throw operationNotFound(operationId);
  const { state } = record.operation;
  if (state === "held") return record;
  throw new CommandFailure(exitCodes.failed, {
    code: "operation_not_held",
    sentence: `Operation ${operationId} is ${state}, and only a held one is for a person to decide about.`,
    remedy:
      state === "requested" || state === "executing"
        ? "Leave it to the workers; `keiyaku operation list --state held` shows what waits for a person."
        : `It is final: \`keiyaku operation show ${operationId}\` tells how it ended.`,
  });
}

/** The calls of a held operation whose result nobody knows yet, by name. None if the question says it had no effect. */
export function unansweredCalls({ operation, journal }: OperationRecord): readonly string[] {
  const { code, detail } = (operation.heldQuestion ?? {}) as { code?: string; detail?: { effect?: string } };
  if (code === "result_still_unknown" || detail?.effect === "none") return [];
  return journal.filter(({ answer }) => answer === null).map(({ name }) => name);
}

/** The failure of abandoning an operation that may have changed something at Stripe without knowing it. */
export function resultUnknown(operationId: string, calls: readonly string[]): CommandFailure {
  return new CommandFailure(exitCodes.failed, {
    code: "result_unknown",
    sentence: `Operation ${operationId} cannot be abandoned: what Stripe did with ${calls.join(", ")} is not known.`,
    remedy: `Let \`keiyaku operation retry ${operationId}\` find out first, once Stripe answers.`,
  });
}

/** Of a guarded statement that met something else than was read a moment ago, after which nothing of that is so. */
export function changedMeanwhile(operationId: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, {
    code: "operation_changed",
    sentence: `Operation ${operationId} changed while it was decided about; nothing was written.`,
    remedy: `Look at it again with \`keiyaku operation show ${operationId}\`, then decide.`,
  });
}
