import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import type { Decision } from "./decide-held-operation.ts";
import { json } from "./guarded-statement.ts";
import { type NotificationState, notificationChannel } from "./notification-parts.ts";

/** The states from which a person may have a mail sent again: nothing is under way there. */
export const resendableStates = ["sent", "refused", "unknown"] as const satisfies readonly NotificationState[];

/**
 * Puts a mail back to be sent again, notes who wanted it and why, and rings for the senders. Returns whether it did: not when
 * it is not as it was read any more. Repeating it therefore sends nothing a third time.
 */
export async function resendNotification(
  db: Database,
  { id, state, attempt }: { readonly id: number; readonly state: NotificationState; readonly attempt: number },
  { operatorId, reason }: Decision,
): Promise<boolean> {
  const rows = await db.run(
    "resend_notification",
    sql`update keiyaku.notifications
      set state = 'waiting', next_attempt_at = clock_timestamp(), claimed_at = null, sent_at = null, problem = null,
        resends = resends || (${json({ operatorId, reason, state, attempt })} ||
          jsonb_build_object('at', clock_timestamp()))
      where id = ${id} and state = ${state} and attempt = ${attempt} and state in ('sent', 'refused', 'unknown')
      -- In the statement: the process of a command ends before anything could be told later.
      returning id, pg_notify(${notificationChannel}, '')`,
  );
  return rows.length > 0;
}
