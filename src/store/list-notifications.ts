import { sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { Database } from "./database.ts";
import type { NotificationState } from "./notification-parts.ts";

/** Which mails to list; what is left out does not narrow. */
export interface NotificationFilter {
  readonly states?: readonly NotificationState[];
  readonly contractId?: string;
  readonly limit: number;
}

/** A person's decision to have a mail sent again. */
export interface Resend {
  readonly operatorId: string;
  readonly reason: string;
  readonly at: Instant;
  /** Where it stood, and how often it had been taken by then. */
  readonly state: NotificationState;
  readonly attempt: number;
}

/** A mail of the outbox. Names no customer: their address is looked up when it is sent. */
export interface NotificationView {
  readonly id: number;
  readonly kind: string;
  readonly recipient: "customer" | "operators";
  /** Which of several operators; null where there is one, until they are told apart, and for the customer. */
  readonly address: string | null;
  readonly contractId: string | null;
  readonly cause: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly state: NotificationState;
  readonly attempt: number;
  readonly problem: string | null;
  readonly createdAt: Instant;
  readonly nextAttemptAt: Instant | null;
  readonly claimedAt: Instant | null;
  readonly sentAt: Instant | null;
  readonly resends: readonly Resend[];
}

const view = sql`json_build_object('id', n.id, 'kind', n.kind, 'recipient', n.recipient, 'address', n.address, 'contractId', n.contract_id,
  'cause', n.cause, 'detail', n.detail, 'state', n.state, 'attempt', n.attempt, 'problem', n.problem,
  'createdAt', n.created_at, 'nextAttemptAt', n.next_attempt_at, 'claimedAt', n.claimed_at, 'sentAt', n.sent_at,
  'resends', n.resends) as notification`;

/** Lists at most `limit` mails, the last caused first. Locks nothing. */
export async function listNotifications(
  db: Database,
  { states, contractId, limit }: NotificationFilter,
): Promise<readonly NotificationView[]> {
  const conditions = [
    ...(states === undefined ? [] : [sql`n.state = any (${`{${states.join(",")}}`}::text[])`]),
    ...(contractId === undefined ? [] : [sql`n.contract_id = ${contractId}`]),
  ];
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  const rows = await db.run<{ notification: NotificationView }>(
    "list_notifications",
    sql`select ${view} from keiyaku.notifications n ${where} order by n.id desc limit ${limit}`,
  );
  return rows.map(({ notification }) => notification);
}

/** One mail by its number; undefined when the outbox has none. */
export async function readNotification(db: Database, id: number): Promise<NotificationView | undefined> {
  const [row] = await db.run<{ notification: NotificationView }>(
    "read_notification",
    sql`select ${view} from keiyaku.notifications n where n.id = ${id}`,
  );
  return row?.notification;
}
