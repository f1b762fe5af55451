import type { OperationState } from "../contract/operation.ts";
import type { HeldQuestion } from "../store/hold-operation.ts";

/**
 * What one attempt reports. A closed set, in four families:
 *
 * - `succeeded`, `rejected`: the operation is final, by this attempt or an earlier one; so is `abandoned`.
 * - `deferred`: not now, and not its fault. Costs no attempt.
 * - `retry`: this operation alone failed. Costs an attempt.
 * - `held`: a person has to decide.
 */
export type AttemptReport =
  | { readonly type: "succeeded" }
  | { readonly type: "rejected" }
  | { readonly type: "abandoned" }
  | { readonly type: "deferred"; readonly reason: DeferralReason; readonly delayMs: number | null }
  | { readonly type: "retry"; readonly reason: string; readonly delayMs: number }
  | { readonly type: "held"; readonly question: HeldQuestion | null };

/**
 * Why an attempt was put off. The first group wrote nothing: whoever is at work, or the sweep, will ring again. The others
 * put the operation back with a time before which it is not tried.
 */
export type DeferralReason =
  | "not_its_turn"
  | "not_due"
  | "already_executing"
  | "superseded"
  | "unknown_operation"
  | "database_unreachable"
  | "rate_limited"
  | "lock_timeout"
  | "unauthorized"
  | "forbidden"
  | "stripe_unreachable"
  | "result_unknown"
  | "key_expiring"
  | "process_paused"
  | "shutting_down";

export type ReportType = AttemptReport["type"];

/**
 * Where each report leads from each state, when the attempt that reports it writes it down. `stays`: nothing is written,
 * because that state is not the attempt's to change. The guarded statements of the store enforce the same.
 *
 * From `requested` an attempt can conclude at once (an operation that needs neither looks nor calls), or end without a
 * word because its turn has not come. Final states are left by nothing; `held` only by a person.
 */
export const transitions = {
  requested: {
    succeeded: "succeeded",
    rejected: "rejected",
    abandoned: "stays",
    deferred: "stays",
    retry: "stays",
    held: "held",
  },
  executing: {
    succeeded: "succeeded",
    rejected: "rejected",
    abandoned: "stays",
    deferred: "requested",
    retry: "requested",
    held: "held",
  },
  held: { succeeded: "stays", rejected: "stays", abandoned: "stays", deferred: "stays", retry: "stays", held: "stays" },
  succeeded: {
    succeeded: "stays",
    rejected: "stays",
    abandoned: "stays",
    deferred: "stays",
    retry: "stays",
    held: "stays",
  },
  rejected: {
    succeeded: "stays",
    rejected: "stays",
    abandoned: "stays",
    deferred: "stays",
    retry: "stays",
    held: "stays",
  },
  abandoned: {
    succeeded: "stays",
    rejected: "stays",
    abandoned: "stays",
    deferred: "stays",
    retry: "stays",
    held: "stays",
  },
} as const satisfies Record<OperationState, Record<ReportType, OperationState | "stays">>;
