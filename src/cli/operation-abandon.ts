import { abandonHeldOperation } from "../store/decide-held-operation.ts";
import { nextOperationOf } from "../store/ring-list.ts";
import { ringWorkers } from "../store/ring-workers.ts";
import { isConflict } from "../store/store-error.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { changedMeanwhile, readHeldOperation, resultUnknown, unansweredCalls } from "./held-operation.ts";
import type { DecisionOptions } from "./operation-retry.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { readOperatorId } from "./read-actor.ts";

export interface OperationAbandonOptions extends DecisionOptions {
  /** Whether the person has said yes already. */
  readonly yes?: boolean;
}

/**
 * Ends a held operation undone, after asking, and rings for the contract's next one. What was done at Stripe stays done.
 * Not while the result of a call is unknown.
 */
export async function operationAbandon(context: CommandContext, options: OperationAbandonOptions): Promise<ExitCode> {
  const { operationId, reason, yes = false, json = false } = options;
  const { db, out } = context;
  const decision = { operatorId: readOperatorId(options.actor), reason };
  const { kind, contractId, attempt } = await readAbandonable(context, operationId);
  if (!yes) await confirm(context, `Abandon operation ${operationId} (${kind} of contract ${contractId}) for good?`);
  try {
    await abandonHeldOperation(db, { operationId, state: "held", attempt }, decision);
  } catch (error) {
    if (!isConflict(error)) throw error;
    await readAbandonable(context, operationId);
    throw changedMeanwhile(operationId);
  }
  const next = await nextOperationOf(db, contractId);
  if (next !== undefined) await ringWorkers(db, next.operationId);
  if (json) writeJson(out, { operationId, state: "abandoned", nextOperationId: next?.operationId ?? null });
  else
    writeLine(out, `${paint(out, "yellow", "abandoned")}  operation ${operationId}; contract ${contractId} is free.`);
  return exitCodes.done;
}

async function readAbandonable(context: CommandContext, operationId: string) {
  const record = await readHeldOperation(context, operationId);
  const unanswered = unansweredCalls(record);
  if (unanswered.length > 0) throw resultUnknown(operationId, unanswered);
  return record.operation;
}

async function confirm({ ask, signal }: CommandContext, question: string): Promise<void> {
  if (ask === null) {
    throw new CommandFailure(exitCodes.wrongUsage, {
      code: "confirmation_missing",
      sentence: "Abandoning cannot be undone, and nobody is at a terminal to confirm it.",
      remedy: "Confirm it with --yes.",
    });
  }
  const answer = await ask(`${question} It cannot be undone. Type yes: `, signal);
  if (answer.trim().toLowerCase() === "yes") return;
  throw new CommandFailure(exitCodes.failed, {
    code: "not_confirmed",
    sentence: "Nothing was abandoned.",
    remedy: "Answer yes if you mean it.",
  });
}
