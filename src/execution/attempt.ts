import type { Instant } from "../contract/calendar.ts";
import type { Facts } from "../contract/operation.ts";
import type { Answer } from "../contract/step.ts";
import type { SeenLook } from "../store/journal.ts";
import type { ContractGuard, Guard } from "../store/operation-parts.ts";
import { factsOf, type JournalRow, type OperationView } from "../store/read-operation.ts";
import { releaseOf } from "./brakes.ts";
import type { ExecutionDeps } from "./deps.ts";

/** One attempt at work on an admitted operation: what it decides from, and what it may write. */
export interface Attempt {
  readonly operationId: string;
  readonly contractId: string;
  readonly acceptedAt: Instant;
  readonly guard: Guard;
  /** The contract's version as this attempt last left it; null while there is no contract. */
  contract: ContractGuard | null;
  readonly facts: Facts;
  /** Whether a call is journaled: from then on looks are journaled too, and the facts are frozen. */
  callJournaled: boolean;
  readonly answers: Map<string, Answer>;
  /** Looks taken before the first call; they are journaled with it. */
  readonly freshLooks: SeenLook[];
  readonly journal: Map<string, JournalRow>;
  readonly attemptsCounted: number;
  /** The digest of the plan that the requester was shown; null when they were shown none. */
  readonly expectedPlan: string | null;
  /** How often a person has let the operation be tried again: each time allows every call one key more. */
  readonly retries: number;
  /** The questions that a person has answered so, each with the call that it was about: see `brakes.ts`. */
  readonly released: ReadonlySet<string>;
}

/** The contract's version as it was read. */
export function contractGuardOf(view: OperationView): ContractGuard | null {
  return view.contractVersion === null
    ? null
    : {
        contractId: view.operation.contractId,
        version: view.contractVersion,
        isTombstone: view.tombstone !== null,
      };
}

/** Takes up an operation where its journal ends. `guard` and `contract` are those after the admission. */
export function attemptOf(
  { business }: Pick<ExecutionDeps, "business">,
  view: OperationView,
  after: { readonly guard: Guard; readonly contract: ContractGuard | null },
): Attempt {
  const answered = view.journal.flatMap((row): [string, Answer][] =>
    row.answer === null ? [] : [[row.name, row.answer]],
  );
  return {
    operationId: view.operation.id,
    contractId: view.operation.contractId,
    acceptedAt: view.operation.acceptedAt,
    guard: after.guard,
    contract: after.contract,
    facts: factsOf(view, business),
    callJournaled: view.journal.some((row) => row.type === "call"),
    answers: new Map(answered),
    freshLooks: [],
    journal: new Map(view.journal.map((row) => [row.name, row])),
    attemptsCounted: view.operation.attemptsCounted + 1,
    expectedPlan: view.operation.expectedPlan,
    retries: view.operation.retries.length,
    released: new Set(
      view.operation.retries.map(({ question }) => releaseOf(question.code, String(question.detail.step))),
    ),
  };
}

/** Notes that a statement of this attempt has taken the contract's next version. */
export function contractMoved(attempt: Attempt): void {
  if (attempt.contract !== null) attempt.contract = { ...attempt.contract, version: attempt.contract.version + 1 };
}
