import type { Instant } from "../contract/calendar.ts";
import type { Attention, AttentionCode } from "../contract/change.ts";
import type { OperationKind } from "../contract/operation.ts";
import type { ExecutionDeps } from "./deps.ts";
import type { AttemptReport } from "./outcome.ts";

/** The ways in that a process of ours counts at. What the SQL function accepts is seen once it is attempted. */
export const doors = ["queue", "http"] as const;
export type Door = (typeof doors)[number];

/** How an attempt ended for whoever watches: its report, or `unexpected_error` where it could not even report. */
export const watchedReports = [
  "succeeded",
  "rejected",
  "abandoned",
  "deferred",
  "retry",
  "held",
  "unexpected_error",
] as const satisfies readonly (AttemptReport["type"] | "unexpected_error")[];
export type WatchedReport = AttemptReport["type"] | "unexpected_error";

/**
 * Hears what happens to operations, for metrics and traces. Nothing that it hears changes what happens: its methods
 * return at once and never throw. It is told kinds, codes and durations; the one id it hears is the operation's, for
 * traces, and no metric may carry that.
 */
export interface Observer {
  /** A request was answered at a door. `kind` is known of those that were accepted or had been before. */
  requestAnswered(door: Door, answer: string, kind: string | null): void;
  /** The turn of an operation has come for the first time, whatever door it came by. */
  operationAdmitted(kind: OperationKind): void;
  /** Carries out the attempt, inside whatever follows it. Returns and throws what it returns and throws. */
  attempt<T extends AttemptReport>(operationId: string, work: () => Promise<T>): Promise<T>;
  /** An operation became final by an attempt of this process, so long after it was accepted. */
  operationConcluded(kind: OperationKind, outcome: "succeeded" | "rejected", openForMs: number): void;
  /** An operation that this process concluded says that something is owed or odd. Told once for each remark. */
  attentionDrawn(code: AttentionCode): void;
}

/** What is known of the operation that an attempt has just concluded. */
interface Concluded {
  readonly kind: OperationKind;
  readonly acceptedAt: Instant;
}

/** Tells the observer, if there is one, that an operation has been admitted; of the later attempts it hears otherwise. */
export function noteAdmitted(
  { observer }: Pick<ExecutionDeps, "observer">,
  { kind, attempt }: { readonly kind: OperationKind; readonly attempt: number },
): void {
  if (attempt === 0) observer?.operationAdmitted(kind);
}

/** Tells the observer, if there is one, that an operation is final now, and what it remarks on. */
export function noteConcluded(
  { observer, clock }: Pick<ExecutionDeps, "observer" | "clock">,
  { kind, acceptedAt }: Concluded,
  outcome: "succeeded" | "rejected",
  attention: readonly Attention[] = [],
): void {
  // The two clocks may disagree by a second or two, and nothing is concluded before it was accepted.
  observer?.operationConcluded(kind, outcome, Math.max(clock.nowMs() - Date.parse(acceptedAt), 0));
  for (const { code } of attention) observer?.attentionDrawn(code);
}
