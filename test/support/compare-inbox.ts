import type postgres from "postgres";
import Stripe from "stripe";
import { eventTypes } from "../../src/stripe/events.ts";

/** What the inbox and Stripe's list of events do not agree on; all empty when every event of the list is in the inbox once. */
export interface InboxDifferences {
  /** Listed, and not in the inbox. */
  readonly missing: readonly string[];
  /** In the inbox, and not listed. */
  readonly unlisted: readonly string[];
  /** In the inbox, under another type or time than listed. */
  readonly different: readonly string[];
}

export const noDifferences: InboxDifferences = { missing: [], unlisted: [], different: [] };

/** Compares the inbox with the events of our types that the stand-in lists, whenever they were made. An id is in the inbox once or never. */
export async function compareInbox(
  sql: postgres.Sql,
  standIn: { readonly port: number; readonly secretKey: string },
): Promise<InboxDifferences> {
  const stripe = new Stripe(standIn.secretKey, { host: "127.0.0.1", port: standIn.port, protocol: "http" });
  const listed = new Map<string, string>();
  for await (const { id, type, created } of stripe.events.list({ types: [...eventTypes], limit: 100 })) {
    listed.set(id, `${type} ${created}`);
  }
  const rows = await sql<{ id: string; seen: string }[]>`
    select id, type || ' ' || extract(epoch from created_at)::bigint as seen from keiyaku.stripe_events order by id`;
  const inbox = new Map(rows.map(({ id, seen }) => [id, seen]));
  return {
    missing: [...listed.keys()].filter((id) => !inbox.has(id)),
    unlisted: [...inbox.keys()].filter((id) => !listed.has(id)),
    different: [...inbox].filter(([id, seen]) => listed.has(id) && listed.get(id) !== seen).map(([id]) => id),
  };
}
