import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { notificationChannel } from "./notification-parts.ts";

type Channel = "keiyaku_event" | "keiyaku_accepted" | typeof notificationChannel;

/**
 * Long enough for what a storm commits meanwhile to share one notification, and too short for anybody to wait for.
 *
 * A statement that notifies holds a lock of the whole server from its commit's beginning to its end, so that commits which
 * could have reached the disk together go one after the other.
 */
const notifyAfterMs = 20;

const waiting = new WeakMap<Database, Map<Channel, Set<string>>>();

/**
 * Tells whoever listens at that moment, a little later and in a statement of its own, together with all that is told
 * meanwhile. Promises nothing and throws nothing: what is not heard is found by those who look by themselves.
 */
export function notifySoon(db: Database, channel: Channel, payload = ""): void {
  const channels = waiting.get(db) ?? new Map<Channel, Set<string>>();
  waiting.set(db, channels);
  const payloads = channels.get(channel);
  if (payloads !== undefined) {
    payloads.add(payload);
    return;
  }
  channels.set(channel, new Set([payload]));
  setTimeout(() => {
    const told = [...(channels.get(channel) ?? [])];
    channels.delete(channel);
    const statement = sql`select pg_notify(${channel}, payload)
      from jsonb_array_elements_text(${JSON.stringify(told)}::text::jsonb) as payload`;
    db.run("notify_soon", statement).catch(() => undefined);
  }, notifyAfterMs).unref();
}

/** Tells the senders of mail that one has come into the outbox. */
export function ringSenders(db: Database): void {
  notifySoon(db, notificationChannel);
}
