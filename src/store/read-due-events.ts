import { sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { Database } from "./database.ts";
import { hasCome } from "./has-come.ts";

/** An event that is due to be looked at, as it stands in the inbox. */
export interface DueEvent {
  readonly id: string;
  readonly type: string;
  /** Null once it has been erased. */
  readonly body: Readonly<Record<string, unknown>> | null;
  readonly objectId: string | null;
  readonly createdAt: Instant;
  readonly state: "received" | "unmatched";
  readonly stateReason: string | null;
  readonly looks: number;
  /** When it became due, as the database writes it. */
  readonly lookAt: string;
}

/**
 * Reads at most `limit` events that are due, in the order in which they became so. Locks nothing.
 *
 * Instants are rounded to a millisecond, up as well as down: what is due in less than one is due.
 */
export async function readDueEvents(db: Database, limit: number): Promise<readonly DueEvent[]> {
  return db.run<DueEvent & Record<string, unknown>>(
    "read_due_events",
    sql`select id, type, body, object_id as "objectId", to_json(created_at) #>> '{}' as "createdAt", state,
        state_reason as "stateReason", looks, look_at as "lookAt"
      from keiyaku.stripe_events where ${hasCome(sql`look_at`)}
      order by look_at, created_at, id limit ${limit}`,
  );
}

/** In how many milliseconds the next event becomes due, 0 for one that is; undefined when none will. */
export async function nextLookInMs(db: Database): Promise<number | undefined> {
  const [row] = await db.run<{ inMs: number | null }>(
    "next_event_look",
    sql`select greatest(extract(epoch from min(look_at) - clock_timestamp()) * 1000, 0)::float8 as "inMs"
      from keiyaku.stripe_events where look_at is not null`,
  );
  return row?.inMs ?? undefined;
}
