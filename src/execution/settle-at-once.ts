import { nextStep } from "../contract/next.ts";
import type { OperationKind } from "../contract/operation.ts";
import { inBatches } from "../store/in-batches.ts";
import { factsOf } from "../store/read-operation.ts";
import { type QueuedRequest, settleRequests, viewToSettle } from "../store/settle-requests.ts";
import { StoreError } from "../store/store-error.ts";
import { contractGuardOf } from "./attempt.ts";
import type { ExecutionDeps } from "./deps.ts";
import { noteAdmitted, noteConcluded } from "./observer.ts";
import { settlementOf } from "./settlement.ts";

/** An operation that has succeeded with its acceptance. */
export interface SettledAtOnce {
  readonly id: string;
  readonly kind: OperationKind;
}

/** Carries out a request that nothing stands in the way of; undefined when it has to go the whole way, whatever the reason. */
export type SettleAtOnce = (queued: QueuedRequest) => Promise<SettledAtOnce | undefined>;

/**
 * More than are ever at work at once by default; a statement of this many settlements takes some 20 ms. Reading and writing
 * have a lane each, and one more, so that the next batch is on its way while the disk confirms the last.
 */
const batches = { sizeMax: 64, lanes: 2 };

/**
 * The short way of a request: what needs neither looks nor calls and finds its contract free is accepted, admitted and settled in one
 * statement, together with others that are under way in this process. Two round trips for all of them, and one commit.
 *
 * It promises nothing that the whole way does not: until its statement has taken effect the request is the queue's, and whatever comes
 * between, be it a conflict, a refusal or an outage, sends it the whole way, which finds out what became of it.
 */
export function createSettleAtOnce(deps: ExecutionDeps): SettleAtOnce {
  const { db } = deps;
  const view = inBatches({ ...batches, run: (queued: readonly QueuedRequest[]) => viewToSettle(db, queued) });
  const settle = inBatches({
    ...batches,
    keyOf: ({ decision }) => decision.contractId,
    run: async (requests: Parameters<typeof settleRequests>[1]) => {
      await settleRequests(db, requests);
      return requests;
    },
  });

  return async (queued) => {
    try {
      const seen = await db.passing("view_to_settle", () => view(queued));
      if (seen === undefined) return undefined;
      const { operation } = seen;
      const facts = factsOf(seen, deps.business);
      const step = nextStep(facts, new Map());
      const contract = contractGuardOf(seen);
      if (step.type !== "settle" || contract === null) return undefined;
      const { change } = step;
      if (change.registration !== undefined || change.deletion !== undefined || change.burial !== undefined) {
        return undefined;
      }
      const guard = { operationId: operation.id, state: "requested" as const, attempt: 0 };
      const { outcome, ...decided } = settlementOf({ guard, contract, facts, frozen: false }, change);
      const decision = { ...decided, operationId: operation.id };
      const settled = { request: queued.request, takenAt: operation.takenAt, decision, outcome };
      await db.passing("settle_requests", () => settle(settled));
      noteAdmitted(deps, operation);
      noteConcluded(deps, operation, "succeeded", change.attention);
      return { id: operation.id, kind: operation.kind };
    } catch (error) {
      if (!(error instanceof StoreError)) deps.log.error({ err: error }, "a request could not be settled at once");
      return undefined;
    }
  };
}
