import type { HeldQuestion } from "../store/hold-operation.ts";

/**
 * What one attempt reports. A closed set, in four families:
 *
 * - `succeeded`, `rejected`: the operation is final, by this attempt or an earlier one; so is `abandoned`.
 * - `deferred`: not now, and not its fault. Costs no attempt.
 * - `retry`: this operation alone failed. Costs an attempt.
 * - `held`: a person has to decide.
 *
 * Where each leads from each state is told in `docs/operation-lifecycle.md` and held by the guarded statements of the
 * store: `test/integration/execution/transitions.test.ts` names every pair.
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
export const deferralReasons = [
  "not_its_turn",
  "not_due",
  "already_executing",
  "superseded",
  "unknown_operation",
  "database_unreachable",
  "rate_limited",
  "lock_timeout",
  "unauthorized",
  "forbidden",
  "stripe_unreachable",
  "result_unknown",
  "key_expiring",
  "process_paused",
  "shutting_down",
] as const;
export type DeferralReason = (typeof deferralReasons)[number];
