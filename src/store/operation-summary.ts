import { type SQL, sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { ActorType, OperationKind, OperationState } from "../contract/operation.ts";
import type { RejectionCode } from "../contract/rejection.ts";

/**
 * What a list or a history tells of an operation: who asked for what and why, and what became of it. Without its
 * parameters, which may hold personal data.
 */
export interface OperationSummary {
  readonly id: string;
  readonly sequence: number;
  readonly kind: OperationKind;
  readonly contractId: string;
  readonly actorType: ActorType;
  readonly actorId: string;
  readonly reason: string | null;
  readonly requestedAt: Instant;
  readonly acceptedAt: Instant;
  readonly state: OperationState;
  readonly attempt: number;
  readonly nextAttemptAt: Instant | null;
  readonly waitReason: string | null;
  readonly heldQuestion: Readonly<Record<string, unknown>> | null;
  readonly rejectionCode: RejectionCode | null;
  readonly rejectionDetail: Readonly<Record<string, string>> | null;
  readonly outcome: Readonly<Record<string, unknown>> | null;
  readonly retries: readonly { readonly operatorId: string; readonly reason: string; readonly at: string }[];
  readonly abandonment: Readonly<Record<string, unknown>> | null;
  readonly concludedAt: Instant | null;
}

/** The columns of a summary, of `keiyaku.operations` under the alias `o`. Instants come as `row_to_json` writes them. */
export const summaryColumns: SQL = sql`o.id, o.sequence, o.kind, o.contract_id, o.actor_type, o.actor_id, o.reason,
  o.requested_at, o.accepted_at, o.state, o.attempt, o.next_attempt_at, o.wait_reason, o.held_question,
  o.rejection_code, o.rejection_detail, o.outcome, o.retries, o.abandonment, o.concluded_at`;
