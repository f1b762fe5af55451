import { sql } from "drizzle-orm";
import type { StripeEvent } from "../stripe/events.ts";
import { mentionsIn } from "../stripe/mentions.ts";
import type { Database } from "./database.ts";
import { json } from "./guarded-statement.ts";
import { notifySoon } from "./notify-soon.ts";

/** How an event arrived: at our relay, by the queue from somebody else's, or because we listed what Stripe has. */
export const waysIn = ["relay", "queue", "backfill"] as const;
export type ArrivedBy = (typeof waysIn)[number];

/**
 * Writes events into the inbox, each id once and for good, and rings for those that are new. Returns the ids of the new ones;
 * an event that was known, by whatever way it came, is left as it is. Repeating it writes nothing.
 *
 * One statement, whether of one event or of a page of them: all of them are in the inbox, or none.
 */
export async function takeInEvents(
  db: Database,
  events: readonly StripeEvent[],
  arrivedBy: ArrivedBy,
  options: { readonly deadlineMs?: number } = {},
): Promise<readonly string[]> {
  if (events.length === 0) return [];
  const rows = events.map((event) => ({ ...event, mentions: mentionsIn(event.body) }));
  const taken = await db.run<{ id: string }>(
    "take_in_events",
    sql`insert into keiyaku.stripe_events (id, type, livemode, api_version, object_id, body, mentions, created_at, arrived_by)
      select "id", "type", "livemode", "apiVersion", "objectId", "body", "mentions", "createdAt", ${arrivedBy}
      from jsonb_to_recordset(${json(rows)}) as r("id" text, "type" text, "livemode" boolean, "apiVersion" text,
        "objectId" text, "body" jsonb, "mentions" text[], "createdAt" timestamptz)
      -- Two that write the same ids at once must meet them in the same order.
      order by "id"
      on conflict (id) do nothing returning id`,
    options,
  );
  if (taken.length > 0) notifySoon(db, "keiyaku_event");
  return taken.map(({ id }) => id);
}
