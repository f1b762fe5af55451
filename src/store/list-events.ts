import { type SQL, sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { OperationKind, OperationState } from "../contract/operation.ts";
import type { Database } from "./database.ts";
import { camelKeys } from "./read-operation.ts";
import type { ArrivedBy } from "./take-in-events.ts";

export const eventStates = ["received", "applied", "ignored", "unmatched", "held"] as const;
export type EventState = (typeof eventStates)[number];

/** An event of the inbox without its body, which holds personal data. */
export interface EventSummary {
  readonly id: string;
  readonly type: string;
  readonly livemode: boolean;
  readonly apiVersion: string;
  readonly objectId: string | null;
  readonly createdAt: Instant;
  readonly receivedAt: Instant;
  readonly arrivedBy: ArrivedBy;
  readonly state: EventState;
  readonly stateReason: string | null;
  readonly contractId: string | null;
  readonly operationId: string | null;
  readonly looks: number;
  readonly lookAt: Instant | null;
  readonly concludedAt: Instant | null;
}

/** Which events to list; what is left out does not narrow. */
export interface EventFilter {
  readonly states?: readonly EventState[];
  readonly type?: string;
  readonly contractId?: string;
  readonly limit: number;
}

const columns = sql`e.id, e.type, e.livemode, e.api_version, e.object_id, e.created_at, e.received_at, e.arrived_by, e.state,
  e.state_reason, e.contract_id, e.operation_id, e.looks, e.look_at, e.concluded_at`;

/** Lists at most `limit` events, the last made first. Locks nothing, and reads one snapshot. */
export async function listEvents(
  db: Database,
  { states, type, contractId, limit }: EventFilter,
): Promise<readonly EventSummary[]> {
  const conditions: SQL[] = [
    ...(states === undefined ? [] : [sql`e.state = any (${`{${states.join(",")}}`}::text[])`]),
    ...(type === undefined ? [] : [sql`e.type = ${type}`]),
    ...(contractId === undefined ? [] : [sql`e.contract_id = ${contractId}`]),
  ];
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  const rows = await db.run<{ event: Record<string, unknown> }>(
    "list_events",
    sql`select row_to_json(s) as event from (
      select ${columns} from keiyaku.stripe_events e ${where} order by e.created_at desc, e.id desc limit ${limit}) s`,
  );
  return rows.map(({ event }) => camelKeys<EventSummary>(event));
}

/** Everything about an event. */
export interface EventRecord {
  readonly event: EventSummary;
  /** Null when it is gone, or was not asked for. */
  readonly body: Readonly<Record<string, unknown>> | null;
  /** Whether it is there, asked for or not. */
  readonly hasBody: boolean;
  /** What it became; null when it became nothing, or that was erased with its contract. */
  readonly operation: { readonly id: string; readonly kind: OperationKind; readonly state: OperationState } | null;
}

/** Reads an event, and its body only `withBody`; undefined when the inbox does not know it. Locks nothing. */
export async function readEventRecord(
  db: Database,
  eventId: string,
  { withBody }: { readonly withBody: boolean },
): Promise<EventRecord | undefined> {
  const [row] = await db.run<EventRecord & { event: Record<string, unknown> } & Record<string, unknown>>(
    "read_event_record",
    sql`select (select row_to_json(s) from (select ${columns}) s) as event,
        case when ${withBody}::boolean then e.body end as body, e.body is not null as "hasBody",
        (select json_build_object('id', o.id, 'kind', o.kind, 'state', o.state)
          from keiyaku.operations o where o.id = e.operation_id) as operation
      from keiyaku.stripe_events e where e.id = ${eventId}`,
  );
  if (row === undefined) return undefined;
  const { event, body, hasBody, operation } = row;
  return { event: camelKeys<EventSummary>(event), body, hasBody, operation };
}
