import { type SQL, sql } from "drizzle-orm";
import type { OperationRow } from "./read-operation.ts";

/**
 * What a list or a history tells of an operation: who asked for what and why, and what became of it. Without its
 * parameters, which may hold personal data.
 */
export type OperationSummary = Pick<
  OperationRow,
  | "id"
  | "sequence"
  | "kind"
  | "contractId"
  | "actorType"
  | "actorId"
  | "reason"
  | "requestedAt"
  | "acceptedAt"
  | "state"
  | "attempt"
  | "nextAttemptAt"
  | "waitReason"
  | "heldQuestion"
  | "rejectionCode"
  | "rejectionDetail"
  | "outcome"
  | "retries"
  | "abandonment"
  | "concludedAt"
>;

/** The columns of a summary, of `keiyaku.operations` under the alias `o`. Instants come as `row_to_json` writes them. */
export const summaryColumns: SQL = sql`o.id, o.sequence, o.kind, o.contract_id, o.actor_type, o.actor_id, o.reason,
  o.requested_at, o.accepted_at, o.state, o.attempt, o.next_attempt_at, o.wait_reason, o.held_question,
  o.rejection_code, o.rejection_detail, o.outcome, o.retries, o.abandonment, o.concluded_at`;
