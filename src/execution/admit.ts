import { isOneOf } from "../contract/contract.ts";
import { nextStep } from "../contract/next.ts";
import { requestingActorTypes } from "../contract/operation.ts";
import type { Step } from "../contract/step.ts";
import { admitOperation, takeoverAfterMs } from "../store/admit-operation.ts";
import type { Guard } from "../store/operation-parts.ts";
import { factsOf, type OperationView, readOperation } from "../store/read-operation.ts";
import { rejectOperation } from "../store/reject-operation.ts";
import { isStillInTheWay } from "../store/ring-list.ts";
import { settleOperation } from "../store/settle-operation.ts";
import { isConflict, isOutage } from "../store/store-error.ts";
import { type Attempt, attemptOf, contractGuardOf } from "./attempt.ts";
import { checkPlan, isPlanned } from "./check-plan.ts";
import { ringFor } from "./conclude.ts";
import type { ExecutionDeps } from "./deps.ts";
import { noteAdmitted, noteConcluded } from "./observer.ts";
import type { AttemptReport, DeferralReason } from "./outcome.ts";
import { settlementOf } from "./settlement.ts";

export type Admission =
  | { readonly type: "admitted"; readonly attempt: Attempt }
  | { readonly type: "over"; readonly report: AttemptReport };

/** How often an admission meets a conflict before the attempt is counted, and once more before it gives up. */
const conflictsMax = 5;

/**
 * Admits an operation whose turn has come. What our own facts refuse is refused here, and what needs neither looks nor
 * calls is settled here, in one statement with its admission. `known` is a view that the caller has just taken.
 */
export async function admit(deps: ExecutionDeps, operationId: string, known?: OperationView): Promise<Admission> {
  let view = known;
  let atOnce = true;
  for (let conflicts = 0; ; ) {
    view ??= await readOperation(deps.db, operationId);
    if (view === undefined) return over(deferred("unknown_operation"));
    try {
      const admission = await decide(deps, view, atOnce);
      if (admission !== "again") return admission;
    } catch (error) {
      if (isOutage(error) || (!atOnce && !isConflict(error))) throw error;
      if (isConflict(error)) {
        conflicts += 1;
        if (conflicts > conflictsMax) return over(deferred("superseded"));
        // Somebody came between. Jittered, so that those who met here do not meet again.
        await deps.clock.sleep(Math.random() * 10 * 2 ** conflicts);
      } else {
        deps.log.error({ err: error, operationId }, "an operation could not be concluded at once");
      }
      atOnce = isConflict(error) && conflicts < conflictsMax;
    }
    view = undefined;
  }
}

/** `atOnce`: whether it may be concluded with its admission. Not once that has failed: then the attempt is counted. */
async function decide(deps: ExecutionDeps, view: OperationView, atOnce: boolean): Promise<Admission | "again"> {
  const waiting = mustWait(view);
  if (waiting !== undefined) return over(waiting);
  const obstacle = obstacleOf(view);
  if (obstacle !== null) return (await isStillInTheWay(deps.db, obstacle)) ? over(deferred("not_its_turn")) : "again";

  const { operation } = view;
  const guard: Guard = {
    operationId: operation.id,
    state: operation.state === "executing" ? "executing" : "requested",
    attempt: operation.attempt,
  };
  if (atOnce && view.journal.length === 0 && guard.state === "requested") {
    const concluded = await concludeAtOnce(deps, view, guard);
    if (concluded !== undefined) return over(concluded);
  }

  const contract = contractGuardOf(view);
  await admitOperation(deps.db, guard, contract);
  noteAdmitted(deps, operation);
  const after = {
    guard: { ...guard, state: "executing" as const, attempt: guard.attempt + 1 },
    contract: contract === null ? null : { ...contract, version: contract.version + 1 },
  };
  return { type: "admitted", attempt: attemptOf(deps, view, after) };
}

/** Why the operation is not to be touched now, or undefined when its turn has come. */
function mustWait(view: OperationView): AttemptReport | undefined {
  const { operation } = view;
  switch (operation.state) {
    case "succeeded":
    case "rejected":
    case "abandoned":
      return { type: operation.state };
    case "held":
      return { type: "held", question: null };
    case "executing":
      // Another attempt gave a sign of life lately. If it is dead, the sweep rings once it has been silent long enough.
      return (view.silentMs ?? 0) < takeoverAfterMs ? deferred("already_executing") : undefined;
    case "requested":
      return view.isDue ? undefined : deferred("not_due");
  }
}

/** The operation behind which a requested one waits, or null. */
function obstacleOf(view: OperationView): string | null {
  if (view.operation.state !== "requested" || isRefusedWhileHeld(view)) return null;
  return view.olderOperationId ?? view.occupiedByOperationId;
}

/** A person's request does not wait behind a held operation: it is refused at once, out of turn. */
function isRefusedWhileHeld({ operation, heldOperationId }: OperationView): boolean {
  return heldOperationId !== null && isOneOf(operation.actorType, requestingActorTypes) && !operation.occupies;
}

/** Rejects or settles an operation that needs nothing from Stripe; undefined when it does. */
async function concludeAtOnce(
  deps: ExecutionDeps,
  view: OperationView,
  guard: Guard,
): Promise<AttemptReport | undefined> {
  const facts = factsOf(view, deps.business);
  const step = await checkedAtOnce(deps, view, nextStep(facts, new Map()));
  const contract = contractGuardOf(view);
  if (step.type === "reject") {
    const next = await rejectOperation(deps.db, guard, view.operation.contractId, contract, step.rejection);
    noteAdmitted(deps, view.operation);
    noteConcluded(deps, view.operation, "rejected");
    await ringFor(deps, next, guard.operationId);
    return { type: "rejected" };
  }
  if (step.type === "settle") {
    const settlement = settlementOf({ guard, contract, facts, frozen: false }, step.change);
    const next = await settleOperation(deps.db, settlement);
    noteAdmitted(deps, view.operation);
    noteConcluded(deps, view.operation, "succeeded", step.change.attention);
    await ringFor(deps, next, guard.operationId);
    return { type: "succeeded" };
  }
  return undefined;
}

/** The step, or the refusal of what is to be concluded at once and is not what its requester was shown. */
async function checkedAtOnce(deps: ExecutionDeps, view: OperationView, step: Step): Promise<Step> {
  const ends = step.type === "settle" || step.type === "reject";
  if (!ends || !isPlanned(step) || view.operation.expectedPlan === null) return step;
  const guard: Guard = { operationId: view.operation.id, state: "requested", attempt: view.operation.attempt };
  // Nothing has to be looked at for it, so it is either the same or refused.
  const changed = await checkPlan(deps, attemptOf(deps, view, { guard, contract: null }));
  return changed?.type === "reject" ? changed : step;
}

function over(report: AttemptReport): Admission {
  return { type: "over", report };
}

function deferred(reason: DeferralReason): AttemptReport {
  return { type: "deferred", reason, delayMs: null };
}
