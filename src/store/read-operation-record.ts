import { sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { Answer, Call, Look } from "../contract/step.ts";
import type { Database } from "./database.ts";
import { camelKeys, type OperationRow } from "./read-operation.ts";

/** One look or call as the journal keeps it, with its times. */
export interface JournalRecord {
  readonly name: string;
  readonly type: "look" | "call";
  readonly request: Look | Call;
  readonly idempotencyKey: string | null;
  readonly keyNumber: number | null;
  readonly firstSentAt: Instant | null;
  readonly lastSentAt: Instant | null;
  /** Null while nobody knows what Stripe answered. */
  readonly answer: Answer | null;
  readonly answeredAt: Instant | null;
  readonly learnedBy: "reply" | "look" | null;
  readonly requestId: string | null;
  readonly codeVersion: string;
}

/** Everything that the ledger and the journal keep of one operation. */
export interface OperationRecord {
  readonly operation: OperationRow & { readonly touchedAt: Instant | null };
  /** In the order in which they were sent or, for looks, answered. */
  readonly journal: readonly JournalRecord[];
  /** The events of Stripe's that it came from, oldest first; none for what somebody asked for. */
  readonly events: readonly { readonly id: string; readonly type: string }[];
}

/**
 * Reads the whole record of an operation in one statement; undefined when there is no such operation. Locks nothing. The
 * parameters come as they were sent, personal data included: whoever shows them decides what to hide.
 */
export async function readOperationRecord(db: Database, operationId: string): Promise<OperationRecord | undefined> {
  const [row] = await db.run<{
    operation: Record<string, unknown>;
    journal: Record<string, unknown>[];
    events: OperationRecord["events"];
  }>(
    "read_operation_record",
    sql`select row_to_json(o) as operation,
      (select coalesce(json_agg(s order by coalesce(s.first_sent_at, s.answered_at), s.type desc, s.name), '[]')
        from keiyaku.stripe_calls s where s.operation_id = o.id) as journal,
      (select coalesce(json_agg(json_build_object('id', e.id, 'type', e.type) order by e.created_at, e.id), '[]')
        from keiyaku.stripe_events e where e.contract_id = o.contract_id and e.operation_id = o.id) as events
    from keiyaku.operations o where o.id = ${operationId}`,
  );
  if (row === undefined) return undefined;
  return {
    operation: camelKeys<OperationRecord["operation"]>(row.operation),
    journal: row.journal.map((record) => camelKeys<JournalRecord>(record)),
    events: row.events,
  };
}
