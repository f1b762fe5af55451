import { type SQL, sql } from "drizzle-orm";
import type { BusinessDate, Instant } from "../contract/calendar.ts";
import { type ScheduledKind, scheduledKinds } from "../contract/scheduled.ts";
import type { Database } from "./database.ts";
import { type DueCursor, firstCursor, selectDue } from "./find-due.ts";
import { guardedStatement, json, type Part } from "./guarded-statement.ts";

/*
 * The daily run's own row, a date each. Whoever drives the run reads it, does one thing, and writes it in one statement that
 * takes effect only if it is still as it was read: so any number may drive at once, and what one has left off another takes up.
 */

/** A run that is under way. */
export interface Run {
  readonly date: BusinessDate;
  readonly phase: ScheduledKind;
  /** Null once all that is due in the phase is requested. */
  readonly cursor: DueCursor | null;
  /** How many operations the phase has requested so far. */
  readonly requested: number;
  readonly rungUpTo: number;
}

/** What a run came to. */
export interface RunResult {
  /** By kind, how many operations ended how, or have not ended: `succeeded`, `rejected`, `abandoned`, `held`, `waiting`. */
  readonly operations: Readonly<Partial<Record<ScheduledKind, Readonly<Record<string, number>>>>>;
  /** How many of them wait for a person, or behind one that does. */
  readonly heldCount: number;
  /** The first of these. */
  readonly held: readonly HeldInRun[];
}

/** An operation that a run could not finish, and what it waits for. */
export interface HeldInRun {
  readonly operationId: string;
  readonly kind: ScheduledKind;
  readonly contractId: string;
  /** The held operation: itself, or the one in its way. */
  readonly heldOperationId: string;
}

/** One row, as it is shown. */
export interface RunRecord {
  readonly date: BusinessDate;
  readonly state: "running" | "done";
  readonly phase: ScheduledKind | null;
  readonly startedAt: Instant;
  readonly doneAt: Instant | null;
  /** As it was when the run was done. */
  readonly result: RunResult | null;
  /** How many of its operations wait for a person, or behind one that does, at this moment. */
  readonly heldNow: number;
}

/** How many of what is held a result names; the rest is counted. */
const heldNamedMax = 100;

/** Reads the oldest run that is under way, and the last date that there is a row of. Null where there is none. */
export async function readRuns(
  db: Database,
): Promise<{ readonly running: Run | null; readonly lastOn: BusinessDate | null }> {
  const [row] = await db.run<{ running: Run | null; lastOn: BusinessDate | null }>(
    "read_runs",
    sql`select (select max(business_date) from keiyaku.maintenance_runs) as "lastOn",
      (select json_build_object('date', business_date, 'phase', phase, 'cursor', cursor, 'requested', requested,
          'rungUpTo', rung_up_to)
        from keiyaku.maintenance_runs where state = 'running' order by business_date limit 1) as running`,
  );
  if (row === undefined) throw new Error("the runs are one row");
  return row;
}

/** Begins the run of a date, unless there is one of it, or of a later one. Of several callers one begins it. */
export async function beginRun(db: Database, date: BusinessDate): Promise<void> {
  const [phase] = scheduledKinds;
  await db.run(
    "begin_run",
    sql`insert into keiyaku.maintenance_runs (business_date, phase, cursor, state)
      select ${date}::date, ${phase}::keiyaku.operation_kind, ${json(firstCursor(phase))}, 'running'
      where not exists (select from keiyaku.maintenance_runs where business_date >= ${date}::date)
      on conflict do nothing`,
  );
}

type Moved = Pick<Run, "cursor" | "requested">;

/**
 * How many operations a second the ledger counts on when it says from when on the sweep is to ring for one that waits its
 * turn: fewer than Stripe allows of one endpoint, so that the sweep stays quiet while they are carried out one by one.
 */
const carriedOutPerSecond = 10;

/** From the longest wait on before the sweep rings: what the queue has lost is rung for again by whoever drives, and sooner. */
const silentAtLeast = sql`interval '10 minutes'`;

/**
 * Requests the next page of what is due in the run's phase, and moves its cursor, in one statement: so nothing is lost and
 * nothing done twice, wherever a crash comes. Returns the run as it is then. A conflict means that somebody else has moved it;
 * nothing was written then.
 *
 * They are accepted as `keiyaku.accept` accepts: the same row, the same hash. Nobody is notified of each, and none waits for its
 * contract's others: one that becomes visible late simply comes next, as from a producer's own transaction.
 */
export async function requestDue(db: Database, run: Run, pageSize: number): Promise<Run> {
  const { date, phase, cursor } = run;
  if (cursor === null) throw new Error("there is nothing left to request");
  const request = sql`jsonb_build_object('id', id, 'kind', ${phase}::text, 'contractId', contract_id,
    'actor', jsonb_build_object('type', 'schedule', 'id', ${date}::text), 'params', jsonb_build_object('date', ${date}::text))`;
  const parts: Part[] = [
    {
      name: "page",
      rows: "any",
      statement: sql`select due.*, row_number() over () as place from (${selectDue(phase, date, cursor, pageSize)}) as due`,
    },
    {
      name: "run",
      rows: 1,
      statement: sql`update keiyaku.maintenance_runs set requested = requested + seen.size::integer,
          cursor = case when seen.size = ${pageSize} then seen.last end
        from (select count(*) as size, (select key from page order by place desc limit 1) as last from page) as seen
        where ${isStill(run)} and cursor = ${json(cursor)}
        returning cursor, requested, requested - seen.size as before`,
    },
    {
      name: "accepted",
      rows: "any",
      // Only once the run's row is ours: until then others may be at the same page.
      statement: sql`insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at,
          taken_at, accepted_at, content_hash, state, ring_at)
        select id, ${phase}::keiyaku.operation_kind, contract_id, 'schedule', ${date}::text,
          jsonb_build_object('date', ${date}::text), now_at, now_at, now_at, keiyaku.content_hash(${request}), 'requested',
          now_at + ${silentAtLeast} + (before + place) * ${1 / carriedOutPerSecond}::float8 * interval '1 second'
        from (select contract_id, clock_timestamp() as now_at, before, place,
            keiyaku.scheduled_operation_id(${phase}::text, contract_id, due_on, version, ${date}::date) as id
          from page, run) as named
        order by place
        on conflict (id) do nothing returning id`,
    },
  ];
  const also = sql`, (select json_build_object('cursor', cursor, 'requested', requested) from run) as moved`;
  const [row] = await db.run<{ moved: Moved }>("request_due", guardedStatement(parts, also));
  return { ...run, ...row?.moved };
}

/**
 * Takes the next of the phase's operations that nobody has rung for and whose turn it is, the first accepted first. Of several
 * callers one gets each.
 */
export async function takeToRing(db: Database, run: Run, limit: number): Promise<readonly string[]> {
  const rows = await db.run<{ id: string }>(
    "take_to_ring",
    sql`with waiting as (
        select o.id, o.sequence from keiyaku.operations o
        where ${isOfRun(run)} and o.state in ('requested', 'executing', 'held') and o.sequence > ${run.rungUpTo}
          and o.state = 'requested' and o.attempt = 0
          and (
            select e.id from keiyaku.operations e
            where e.contract_id = o.contract_id and e.state in ('requested', 'executing', 'held')
              and (e.occupies or e.sequence < o.sequence)
            limit 1) is null
        order by o.sequence limit ${limit}),
      rung as (
        update keiyaku.maintenance_runs set rung_up_to = (select max(sequence) from waiting)
        where ${isStill(run)} and rung_up_to = ${run.rungUpTo} and exists (select from waiting)
        returning 1 as one)
      select id from waiting where exists (select from rung) order by sequence`,
  );
  return rows.map(({ id }) => id);
}

/** Has the phase's operations rung for from the first again: the queue is empty, and so must have lost those that still wait. */
export async function ringAgain(db: Database, run: Run): Promise<void> {
  await db.run(
    "ring_again",
    sql`update keiyaku.maintenance_runs set rung_up_to = 0 where ${isStill(run)} and rung_up_to = ${run.rungUpTo}`,
  );
}

/**
 * Ends the run's phase, if all that it requested is concluded, held, or waits behind something held; the next phase begins then,
 * and after the last one the run is done. Of several callers one ends it; returns whether it was this one.
 */
export async function endPhase(db: Database, run: Run): Promise<boolean> {
  const next = nextPhase(run);
  const where = sql`${isStill(run)} and cursor is null and not exists (
      select from keiyaku.operations o
      where ${isOfRun(run)} and o.state in ('requested', 'executing', 'held')
        and o.state <> 'held' and (select ${behindHeld}) is null)`;
  const assignments =
    next === null
      ? sql`state = 'done', phase = null, done_at = clock_timestamp(), result = ${resultOf(run.date)}`
      : sql`phase = ${next.phase}::keiyaku.operation_kind, cursor = ${json(next.cursor)}`;
  const rows = await db.run(
    "end_phase",
    sql`update keiyaku.maintenance_runs set ${assignments}, requested = 0, rung_up_to = 0 where ${where}
      returning business_date`,
  );
  return rows.length > 0;
}

/** The run at the beginning of its next phase; null after the last one. */
export function nextPhase({ date, phase }: Run): Run | null {
  const next = scheduledKinds[scheduledKinds.indexOf(phase) + 1];
  return next === undefined ? null : { date, phase: next, cursor: firstCursor(next), requested: 0, rungUpTo: 0 };
}

/** How many of the phase's operations are neither final nor held. */
export async function countOpenOf(db: Database, run: Run): Promise<number> {
  const [row] = await db.run<{ open: number }>(
    "count_open_of_run",
    sql`select count(*)::integer as open from keiyaku.operations o
      where ${isOfRun(run)} and o.state in ('requested', 'executing', 'held') and o.state <> 'held'`,
  );
  return row?.open ?? 0;
}

/** Lists runs, the last date first. */
export async function listRuns(
  db: Database,
  { date, limit }: { readonly date?: BusinessDate; readonly limit: number },
): Promise<readonly RunRecord[]> {
  return db.run<RunRecord & Record<string, unknown>>(
    "list_runs",
    sql`select business_date::text as date, state, phase, started_at as "startedAt", done_at as "doneAt", result,
        (select count(*)::integer from keiyaku.operations o
          where o.actor_type = 'schedule' and o.actor_id = business_date::text
            and o.state in ('requested', 'executing', 'held')
            and (o.state = 'held' or (select ${behindHeld}) is not null)) as "heldNow"
      from keiyaku.maintenance_runs
      where ${date === undefined ? sql`true` : sql`business_date = ${date}::date`}
      order by business_date desc limit ${limit}`,
  );
}

/** The run's row, as long as it is at the same phase. */
function isStill({ date, phase }: Run): SQL {
  return sql`business_date = ${date}::date and state = 'running' and phase = ${phase}::keiyaku.operation_kind`;
}

/** The operations of the run's phase, as their indexes have them. */
function isOfRun({ date, phase }: Pick<Run, "date" | "phase">): SQL {
  return sql`o.actor_type = 'schedule' and o.actor_id = ${date}::text and o.kind = ${phase}::keiyaku.operation_kind`;
}

/** The held operation that `o` waits for: an older one, or the one that occupies the contract. */
const behindHeld = sql`h.id from keiyaku.operations h
  where h.contract_id = o.contract_id and h.state = 'held' and (h.occupies or h.sequence < o.sequence)
  order by h.occupies desc, h.sequence limit 1`;

/** What the run of a date has come to, as JSON. */
function resultOf(date: BusinessDate): SQL {
  const ofRun = sql`o.actor_type = 'schedule' and o.actor_id = ${date}::text`;
  return sql`(
    with counted as (
        select o.kind, case when o.state in ('requested', 'executing') then 'waiting' else o.state::text end as state,
          count(*) as operations
        from keiyaku.operations o where ${ofRun} group by 1, 2),
      stuck as (
        select o.id, o.kind, o.contract_id, o.sequence,
          case when o.state = 'held' then o.id else (select ${behindHeld}) end as held_id
        from keiyaku.operations o where ${ofRun} and o.state in ('requested', 'executing', 'held'))
    select jsonb_build_object(
      'operations', (
        select coalesce(jsonb_object_agg(kind, ended), '{}')
        from (select kind, jsonb_object_agg(state, operations) as ended from counted group by kind) as by_kind),
      'heldCount', (select count(*) from stuck),
      'held', (
        select coalesce(jsonb_agg(jsonb_build_object('operationId', id, 'kind', kind, 'contractId', contract_id,
          'heldOperationId', held_id) order by sequence), '[]')
        from (select * from stuck order by sequence limit ${heldNamedMax}) as named)))`;
}
