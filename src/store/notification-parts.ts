import { sql } from "drizzle-orm";

/** The channel on which the senders of mail are told that one waits. */
export const notificationChannel = "keiyaku_notification";

/** A column of what a statement that puts mail into the outbox returns: rings for the senders once it is committed. */
export const ringSenders = sql`pg_notify(${sql.raw(`'${notificationChannel}'`)}, '')`;

/** Where a mail stands: it waits, is being sent, was sent, was refused for good, or nobody knows whether it was sent. */
export const notificationStates = ["waiting", "claimed", "sent", "refused", "unknown"] as const;
export type NotificationState = (typeof notificationStates)[number];
