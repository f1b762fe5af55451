import { retryHeldOperation } from "../store/decide-held-operation.ts";
import { ringWorkers } from "../store/ring-workers.ts";
import { isConflict } from "../store/store-error.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { changedMeanwhile, readHeldOperation } from "./held-operation.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { readOperatorId } from "./read-actor.ts";
import { workersCarryItOut } from "./request.ts";

/** What a person decides about a held operation, and why. */
export interface DecisionOptions {
  readonly operationId: string;
  readonly reason: string;
  readonly actor?: string;
  readonly json?: boolean;
}

/** Puts a held operation back to be tried again, with its attempts counted anew, and rings for it. */
export async function operationRetry(context: CommandContext, options: DecisionOptions): Promise<ExitCode> {
  const { operationId, reason, actor, json = false } = options;
  const { db, out, err } = context;
  const operatorId = readOperatorId(actor);
  const { operation } = await readHeldOperation(context, operationId);
  try {
    await retryHeldOperation(db, { operationId, state: "held", attempt: operation.attempt }, { operatorId, reason });
  } catch (error) {
    if (!isConflict(error)) throw error;
    await readHeldOperation(context, operationId);
    throw changedMeanwhile(operationId);
  }
  await ringWorkers(db, operationId);
  if (json) writeJson(out, { operationId, state: "requested" });
  else writeLine(out, `${paint(out, "green", "requested")}  operation ${operationId} will be tried again.`);
  writeLine(err, paint(err, "dim", workersCarryItOut));
  return exitCodes.done;
}
