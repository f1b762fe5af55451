import type { RefundIntent } from "../contract/change.ts";
import { type HeldQuestion, holdOperation } from "../store/hold-operation.ts";
import { type PutBack, putBackOperation } from "../store/put-back-operation.ts";
import { readOperation } from "../store/read-operation.ts";
import { rejectOperation } from "../store/reject-operation.ts";
import type { Ringing } from "../store/ring-list.ts";
import { settleOperation } from "../store/settle-operation.ts";
import { isConflict, isOutage } from "../store/store-error.ts";
import type { Attempt } from "./attempt.ts";
import { attemptsCountedMax, retryDelayMs } from "./back-off.ts";
import type { ExecutionDeps } from "./deps.ts";
import { noteConcluded } from "./observer.ts";
import type { AttemptReport } from "./outcome.ts";
import { settlementOf } from "./settlement.ts";
import type { StepsEnding } from "./steps-ending.ts";

/**
 * Writes down how the steps of an attempt ended, and rings for whom that concerns. After a conflict it reads what is so:
 * either another attempt of this operation has taken over, and what that one writes counts, or the attempt is repeated.
 */
export async function conclude(deps: ExecutionDeps, attempt: Attempt, ending: StepsEnding): Promise<AttemptReport> {
  try {
    if (ending.type !== "conflict") return await writeDown(deps, attempt, ending);
  } catch (error) {
    if (isOutage(error)) throw error;
    if (!isConflict(error)) {
      deps.log.error({ err: error, operationId: attempt.operationId }, "an operation could not be concluded");
      return await writeDown(deps, attempt, {
        type: "failed",
        reason: error instanceof Error ? error.name : "unknown",
      });
    }
  }
  if (!(await isStillAtWork(deps, attempt))) return { type: "deferred", reason: "superseded", delayMs: null };
  return await writeDown(deps, attempt, { type: "failed", reason: "conflict" });
}

/** Whether the operation is still this attempt's: then a conflict was about something else, and is tried again. */
async function isStillAtWork(deps: ExecutionDeps, { operationId, guard }: Attempt): Promise<boolean> {
  const view = await readOperation(deps.db, operationId);
  return view?.operation.state === "executing" && view.operation.attempt === guard.attempt;
}

type Decided = Exclude<StepsEnding, { type: "conflict" }>;

async function writeDown(deps: ExecutionDeps, attempt: Attempt, ending: Decided): Promise<AttemptReport> {
  const { guard, contract, contractId, facts } = attempt;
  const concluded = { kind: facts.operation.kind, acceptedAt: attempt.acceptedAt };
  switch (ending.type) {
    case "settle": {
      const settlement = settlementOf({ guard, contract, facts, frozen: attempt.callJournaled }, ending.change);
      const next = await settleOperation(deps.db, settlement);
      noteConcluded(deps, concluded, "succeeded", ending.change.attention);
      await ringFor(deps, next, guard.operationId);
      return { type: "succeeded" };
    }
    case "reject": {
      const next = await rejectOperation(deps.db, guard, contractId, contract, ending.rejection);
      noteConcluded(deps, concluded, "rejected");
      await ringFor(deps, next, guard.operationId);
      return { type: "rejected" };
    }
    case "deferred": {
      const { reason, delayMs, turnedAway } = ending;
      await putBack(deps, attempt, { reason, delayMs, counted: false, turnedAway });
      return { type: "deferred", reason, delayMs };
    }
    case "failed": {
      if (attempt.attemptsCounted >= attemptsCountedMax) {
        // Of a call that was refused for the time being it is known that it had no effect: it may be abandoned.
        const refused = ending.renewed === undefined ? {} : { step: ending.renewed.name, effect: "none" };
        const detail = { attempts: attempt.attemptsCounted, lastReason: ending.reason, ...refused };
        return hold(deps, attempt, { code: "attempts_exhausted", detail });
      }
      const delayMs = retryDelayMs(attempt.attemptsCounted);
      await putBack(deps, attempt, { reason: ending.reason, delayMs, counted: true, renewed: ending.renewed });
      return { type: "retry", reason: ending.reason, delayMs };
    }
    case "held":
      return hold(deps, attempt, ending.question, ending.owed);
  }
}

async function putBack(deps: ExecutionDeps, attempt: Attempt, back: PutBack): Promise<void> {
  await putBackOperation(deps.db, attempt.guard, back);
  // While shutting down, the bell is for another process: the sweep of one that lives rings it.
  const ringing: Ringing = {
    operationId: attempt.operationId,
    attempt: attempt.guard.attempt,
    ring: 0,
    ...(attempt.facts.operation.actor.type === "schedule" ? { behindPeople: true } : {}),
  };
  await deps.bells.ring(ringing, "put_back", back.delayMs);
}

async function hold(
  deps: ExecutionDeps,
  attempt: Attempt,
  question: HeldQuestion,
  refund?: RefundIntent,
): Promise<AttemptReport> {
  const { contract } = attempt;
  const owed = refund === undefined || contract === null ? undefined : { contract, refund };
  await holdOperation(deps.db, attempt.guard, attempt.contractId, question, owed);
  deps.log.warn({ operationId: attempt.operationId, question: question.code }, "an operation is held for a person");
  return { type: "held", question };
}

/** Rings for the contract's next operation, now that the contract is free. */
export async function ringFor(
  { bells }: Pick<ExecutionDeps, "bells">,
  next: Ringing | undefined,
  freedBy: string,
): Promise<void> {
  if (next !== undefined) await bells.ring(next, `freed:${freedBy}`, 0);
}
