import { type SQL, sql } from "drizzle-orm";
import type { NoticeDetail } from "../contract/notices.ts";
import type { OperationKind } from "../contract/operation.ts";
import type { IgnoredReason } from "../stripe/events.ts";
import type { Database } from "./database.ts";
import { guardedStatement, json, type Part } from "./guarded-statement.ts";
import { notifySoon, ringSenders } from "./notify-soon.ts";
import type { DueEvent } from "./read-due-events.ts";

/*
 * What becomes of an event of the inbox. Each is one guarded statement that takes effect only if the event is still as it was
 * read: of two that look at it at once, one writes, and the other meets a conflict.
 */

/** The event as it was read, which every writer is guarded by. A registration moves `lookAt` of one that it ends the wait of. */
type SeenEvent = Pick<DueEvent, "id" | "state" | "looks" | "lookAt">;

function eventPart({ id, state, looks, lookAt }: SeenEvent, assignments: SQL, from = sql``): Part {
  return {
    name: "event",
    rows: 1,
    statement: sql`update keiyaku.stripe_events e set ${assignments} ${from}
      where e.id = ${id} and e.state = ${state} and e.looks = ${looks} and e.look_at = ${lookAt}::text::timestamptz
      returning e.id`,
  };
}

/** Who had it looked at again, and why, stays with whatever is said of it later. */
function because(reason: string | null): SQL {
  return sql`state_reason = nullif(concat_ws('; ', ${reason}::text,
    substring(e.state_reason from 'replayed by operator .*$')), '')`;
}

const concluded = sql`concluded_at = clock_timestamp(), look_at = null`;

/**
 * Of a deleted contract nothing is kept of what the event said, once it is known what becomes of it. What is a contract's is
 * found by that from then on; what is nobody's that is known, by what it mentions.
 */
function keeping({ contractId, isDeleted }: Pick<AskedOperation, "isDeleted"> & { contractId: string | null }): SQL {
  if (isDeleted) return sql`, body = null, mentions = null`;
  return contractId === null ? sql`` : sql`, mentions = null`;
}

/** What stays of the body of one that goes on waiting: all, or so much. */
function baring(bare: BareBody | null): SQL {
  if (bare === null) return sql``;
  return sql`, body = ${json(bare.body)},
    mentions = array(select jsonb_array_elements_text(${json(bare.mentions)}))`;
}

/** The body of an event that mentions what was deleted: as much of it as is needed while it waits. */
export interface BareBody {
  readonly body: Readonly<Record<string, unknown>>;
  readonly mentions: readonly string[];
}

/** An operation that an event asks for. */
export interface AskedOperation {
  /** Its id, unless an operation of this event has that already and did not succeed: then it has a number behind it. */
  readonly operationId: string;
  readonly kind: OperationKind;
  readonly params: Readonly<Record<string, unknown>>;
  readonly contractId: string;
  readonly isDeleted: boolean;
}

/**
 * Enters the operation into the ledger for which an event asks, in the name of Stripe, and rings for it; the event is
 * `applied`. Where the contract has one of the same kind and parameters that has not begun, it is applied as that: it will
 * read the same object when its turn comes. Such a one is locked, so that it cannot have begun before.
 *
 * Its numbers become visible in their order, as in `keiyaku.accept`: under the same lock of the contract.
 */
export async function applyEvent(db: Database, seen: SeenEvent, asked: AskedOperation): Promise<void> {
  const { contractId, kind } = asked;
  const params = json(asked.params);
  const id = sql`${asked.operationId}::text`;
  const ofThisEvent = sql`o.contract_id = ${contractId} and o.actor_type = 'stripe' and o.actor_id = ${seen.id}`;
  const actor = sql`jsonb_build_object('type', 'stripe', 'id', ${seen.id}::text)`;
  const request = sql`jsonb_build_object('id', named.id, 'kind', ${kind}::text, 'contractId', ${contractId}::text,
    'actor', ${actor}, 'params', ${params})`;
  const parts: Part[] = [
    {
      name: "turn",
      rows: "any",
      statement: sql`select 1 as taken from pg_advisory_xact_lock(1262840145, hashtext(${contractId}))`,
    },
    {
      name: "waiting_already",
      rows: "any",
      statement: sql`select o.id from keiyaku.operations o, turn
        where o.contract_id = ${contractId} and o.actor_type = 'stripe' and o.kind = ${kind}::keiyaku.operation_kind
          and o.state = 'requested' and o.attempt = 0 and o.params = ${params}
        order by o.sequence limit 1 for share of o`,
    },
    {
      name: "accepted",
      rows: "any",
      statement: sql`insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at,
          taken_at, accepted_at, content_hash, state, ring_at)
        select named.id, ${kind}::keiyaku.operation_kind, ${contractId}, 'stripe', ${seen.id}, ${params}, e.created_at,
          e.received_at, clock_timestamp(), keiyaku.content_hash(${request}), 'requested', clock_timestamp()
        from turn, keiyaku.stripe_events e, (
          select case when exists (select from keiyaku.operations o where o.id = ${id})
            then ${id} || '.' || (select count(*) + 1 from keiyaku.operations o where ${ofThisEvent}) else ${id} end) as named (id)
        where e.id = ${seen.id} and not exists (select from waiting_already)
        returning id`,
    },
    eventPart(
      seen,
      sql`state = 'applied', contract_id = ${contractId}, operation_id = became.id, ${because(null)},
        ${concluded}${keeping(asked)}`,
      sql`from (select id from waiting_already union all select id from accepted) as became`,
    ),
  ];
  const also = sql`, (select id from accepted) as accepted`;
  const [row] = await db.run<{ accepted: string | null }>("apply_event", guardedStatement(parts, also));
  if (row?.accepted != null) notifySoon(db, "keiyaku_accepted", row.accepted);
}

/** Notes that nothing follows from an event, and why. What it said is kept as long as others' is, unless of what was deleted. */
export async function ignoreEvent(db: Database, seen: SeenEvent, ignored: IgnoredEvent): Promise<void> {
  const { reason, reference, contractId } = ignored;
  const why = reference === undefined ? reason : `${reason}: ${reference}`;
  const assignments = sql`state = 'ignored', contract_id = ${contractId}, ${because(why)},
    ${concluded}${keeping(ignored)}`;
  await db.run("ignore_event", guardedStatement([eventPart(seen, assignments)]));
}

interface IgnoredEvent {
  readonly reason: IgnoredReason;
  /** What it is about, where a contract that is registered with that would make it ours. */
  readonly reference?: string;
  readonly contractId: string | null;
  /** Whether it is about a deleted contract, or mentions one. */
  readonly isDeleted: boolean;
}

interface Delay {
  readonly reason: string;
  readonly looks: number;
  readonly delayMs: number;
}

/** Leaves an event as it is, to be looked at again after a while. */
export async function putOffEvent(
  db: Database,
  seen: SeenEvent,
  { reason, looks, delayMs, contractId }: Delay & { readonly contractId: string | null },
): Promise<void> {
  const assignments = sql`contract_id = coalesce(${contractId}, e.contract_id), ${because(reason)},
    looks = ${looks}, look_at = ${after(delayMs)}`;
  await db.run("put_off_event", guardedStatement([eventPart(seen, assignments)]));
}

/** Notes that the contract of an event is not known, to be looked for again after a while. */
export async function keepEventUnmatched(
  db: Database,
  seen: SeenEvent,
  { reason, looks, delayMs }: Delay,
  bare: BareBody | null = null,
): Promise<void> {
  const assignments = sql`state = 'unmatched', ${because(reason)}, looks = ${looks},
    look_at = ${after(delayMs)}${baring(bare)}`;
  await db.run("keep_event_unmatched", guardedStatement([eventPart(seen, assignments)]));
}

/**
 * Lets an event rest whose contract nobody has come to know: it is looked at again when a contract is registered with what it
 * refers to, or a person wants it. Operators are told once for a type of event and the day of it, in UTC: an account that bills
 * for others too has many such.
 */
export async function letEventRest(
  db: Database,
  seen: SeenEvent & Pick<DueEvent, "type" | "createdAt">,
  { reason, reference, looks }: Pick<Delay, "reason" | "looks"> & { readonly reference: string },
  bare: BareBody | null = null,
): Promise<void> {
  const assignments = sql`state = 'unmatched', ${because(reason)}, looks = ${looks}, look_at = null${baring(bare)}`;
  const detail = { eventId: seen.id, eventType: seen.type, reference };
  const notice = noticePart("event_unmatched", `event_unmatched:${seen.type}:${dayOf(seen)}`, detail);
  await db.run("let_event_rest", guardedStatement([eventPart(seen, assignments), notice]));
  ringSenders(db);
}

/**
 * Holds an event for a person. Operators are told once for a type of event and the day of it, in UTC: whatever makes one
 * unreadable, such as an endpoint of another API version, makes all of them so.
 */
export async function holdEvent(
  db: Database,
  seen: SeenEvent & Pick<DueEvent, "type" | "createdAt">,
  reason: string,
  bare: BareBody | null = null,
): Promise<void> {
  const assignments = sql`state = 'held', ${because(reason)}, looks = e.looks + 1, look_at = null${baring(bare)}`;
  const detail = { eventId: seen.id, eventType: seen.type, reason };
  const notice = noticePart("event_held", `event_held:${seen.type}:${dayOf(seen)}`, detail);
  await db.run("hold_event", guardedStatement([eventPart(seen, assignments), notice]));
  ringSenders(db);
}

function dayOf({ createdAt }: Pick<DueEvent, "createdAt">): string {
  return createdAt.slice(0, 10);
}

function after(delayMs: number): SQL {
  return sql`clock_timestamp() + ${delayMs}::float8 * interval '1 millisecond'`;
}

function noticePart<Kind extends "event_unmatched" | "event_held">(
  kind: Kind,
  cause: string,
  detail: NoticeDetail<Kind>,
): Part {
  return {
    name: "notice",
    rows: "any",
    statement: sql`insert into keiyaku.notifications (cause, kind, recipient, detail)
      values (${cause}, ${kind}, 'operators', ${json(detail)})
      on conflict (cause, kind, recipient) where copy_of is null do nothing returning id`,
  };
}
