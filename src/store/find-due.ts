import { type SQL, sql } from "drizzle-orm";
import type { BusinessDate } from "../contract/calendar.ts";
import type { ScheduledKind } from "../contract/scheduled.ts";
import { renewalSlot, specialPeriodDueOn } from "./schema/contracts.ts";

/** How far a phase has come: the key of the last contract that it looked at. */
export type DueCursor = readonly string[];

/** Where to look: what is due by a date, after a key, so many. */
interface Page {
  readonly date: SQL;
  /** The key's parts, as text. */
  readonly after: readonly SQL[];
  readonly limit: SQL;
}

/** How what is due of one kind is found, page by page in the order of its key. */
interface DueQuery {
  /** Before every key. */
  readonly first: DueCursor;
  /** Selects `contract_id`, `due_on`, the `version` of the cause, and the `key`. */
  select(page: Page): SQL;
}

/**
 * By how many days Stripe's boundary may lie beside the calendar's, by the calendar of UTC and by summer time. `scheduled.ts` of
 * the property tests tries every zone's kind. The rule reads Stripe's own.
 */
const boundaryDays = sql`4`;

const besides = sql`case when c.payment_method = 'card' then ${boundaryDays} else 0 end`;

/** The earliest date that a moment has in any zone: no query knows ours, so what came on a date is found on the one before, too. */
const earliestDateOf = (moment: SQL) => sql`(${moment} at time zone 'Etc/GMT+12')::date`;

/** A month brings nothing to a date on which the product did not have it yet, nor does its clearing. */
const monthStood = (date: SQL) => sql`${earliestDateOf(sql`p.automatic_termination_month_set_at`)} <= ${date}`;

const monthsFirst = sql`(p.automatic_termination_month || '-01')::date`;

/**
 * What is due of each kind on a date: `due <= date`, never `=`, so that what was missed or refused is found the next day. Each
 * goes by an index of its own, in the order of that index, from the key where the page before ended: it costs what is due, not
 * what there is.
 *
 * A query may find a little too much, which its rule refuses as not due, and never too little. Left out is what has been asked
 * for and is still open: the operation of the same kind, contract and due date.
 */
const dueQueries: Record<ScheduledKind, DueQuery> = {
  start: byDate("start", {
    dueOn: sql`c.start_on`,
    where: sql`c.status = 'not_started'`,
  }),
  terminate_at_renewal: byDate("terminate_at_renewal", {
    dueOn: sql`c.termination_on`,
    where: sql`c.termination_on is not null`,
  }),
  end_special_period: byDate("end_special_period", {
    dueOn: specialPeriodDueOn({
      startOn: sql`c.start_on`,
      specialMonths: sql`c.special_months`,
      paymentMethod: sql`c.payment_method`,
    }),
    where: sql`c.status = 'special_period'`,
  }),
  // The period that contains the date is what is due, of however many the history lacks; none that was over when the contract
  // was registered, by the earliest calendar of any zone.
  renew: byDate("renew", {
    dueOn: sql`c.renewal_due_on`,
    causeOn: (date) => sql`keiyaku.renewal_date(c.start_on, keiyaku.period_index(c.start_on, ${date}))`,
    where: sql`c.status in ('active', 'special_period', 'termination_reserved') and c.renewal_due_on is not null`,
    alsoWhere: (causeOn, date) => sql`(c.termination_on is null or ${causeOn} < c.termination_on)
      and keiyaku.renewal_date(c.start_on, keiyaku.period_index(c.start_on, ${date}) + 1)
        > ${earliestDateOf(sql`c.created_at`)}`,
  }),
  reserve_by_product_month: {
    first: ["", "0", ""],
    select({ date, after: [product = sql`''`, slot = sql`'0'`, contract = sql`''`], limit }) {
      const nextRenewal = (startOn: SQL, day: SQL) =>
        sql`keiyaku.renewal_date(${startOn}, 1 + greatest(keiyaku.period_index(${startOn}, ${day}), 0))`;
      const dueOn = sql`keiyaku.renewal_date(c.start_on, keiyaku.period_index(c.start_on, ${date}))`;
      const slotOf = renewalSlot({ startOn: sql`c.start_on`, paymentMethod: sql`c.payment_method` });
      // Any contract of a slot that began long ago renews on the days on which all of it do.
      const anyOf = sql`make_date(2000, 1, 1 + (slot - 1) % 31)`;
      const beside = sql`case when slot > 31 then ${boundaryDays} else 0 end`;
      const reachedBy = sql`array(select slot from generate_series(1, 62) as slot
        where ${nextRenewal(anyOf, sql`(${date} + ${beside})`)} + ${beside} >= ${monthsFirst})`;
      return sql`select d.contract_id, d.due_on, d.version, d.key from keiyaku.products p cross join lateral (
          select c.id as contract_id, ${dueOn} as due_on, p.version, ${slotOf} as slot,
            jsonb_build_array(p.id, ${slotOf}::text, c.id) as key
          from keiyaku.contracts c
          where c.product_id = p.id and ${slotOf} = any (${reachedBy})
            and (${slotOf}, c.id) > (case when p.id = ${product} then ${slot}::integer else 0 end,
              case when p.id = ${product} then ${contract} else '' end)
            and c.kind = 'monthly' and c.origin = 'application'
            and c.status in ('active', 'special_period', 'termination_reserved', 'payment_unconfirmed')
            and c.termination_source is distinct from 'product_month'
            and c.start_on <= ${date} and ${earliestDateOf(sql`c.created_at`)} <= ${date}
            and (c.termination_on is null or (c.termination_on > ${date}
              and c.termination_on >= ${nextRenewal(sql`c.start_on`, date)} - ${besides}))
            and ${notAsked("reserve_by_product_month", dueOn)}
            and ${notToWait(dueOn, date)}
          order by ${slotOf}, c.id limit ${limit}) d
        where p.id >= ${product} and p.automatic_termination_month is not null
          and p.automatic_termination_month <= to_char(${date} + 40, 'YYYY-MM')::char(7) and ${monthStood(date)}
        order by p.id, d.slot, d.contract_id limit ${limit}`;
    },
  },
  release_by_product_month: {
    first: ["", "-infinity", ""],
    select({ date, after: [product = sql`''`, on = sql`''`, contract = sql`''`], limit }) {
      return sql`select d.* from keiyaku.products p cross join lateral (
          select c.id as contract_id, c.termination_on as due_on, p.version,
            jsonb_build_array(p.id, c.termination_on, c.id) as key
          from keiyaku.contracts c
          where c.product_id = p.id and c.termination_source = 'product_month'
            and (c.termination_on, c.id) > (case when p.id = ${product} then ${on}::date else '-infinity' end,
              case when p.id = ${product} then ${contract} else '' end)
            and c.termination_on < coalesce(${monthsFirst}, 'infinity') and c.termination_on > ${date}
            and ${notAsked("release_by_product_month", sql`c.termination_on`)}
          order by c.termination_on, c.id limit ${limit}) d
        where p.id >= ${product} and ${monthStood(date)}
        order by p.id, d.due_on, d.contract_id limit ${limit}`;
    },
  },
};

/** A kind whose due date stands in an index, with the contract's id behind it. */
function byDate(
  kind: ScheduledKind,
  {
    dueOn,
    where,
    causeOn = () => dueOn,
    alsoWhere = () => sql`true`,
  }: {
    readonly dueOn: SQL;
    /** As the index has it. */
    readonly where: SQL;
    /** What the operation is about, where that is another date than the one by which it is found. */
    readonly causeOn?: (date: SQL) => SQL;
    readonly alsoWhere?: (causeOn: SQL, date: SQL) => SQL;
  },
): DueQuery {
  return {
    first: ["-infinity", ""],
    select: ({ date, after: [on = sql`''`, contract = sql`''`], limit }) =>
      sql`select c.id as contract_id, ${causeOn(date)} as due_on, c.version, jsonb_build_array(${dueOn}, c.id) as key
        from keiyaku.contracts c
        where ${where} and ${dueOn} <= ${date} and (${dueOn}, c.id) > (${on}::date, ${contract})
          and ${alsoWhere(causeOn(date), date)} and ${notAsked(kind, causeOn(date))}
        order by ${dueOn}, c.id limit ${limit}`,
  };
}

/**
 * Looked up contract by contract. As a value, since `not exists` would be joined, and by a kind that is compared as text, since it
 * would be looked for in the index of a run: either by a plan that was made while hardly anything was open, which then reads
 * all that is open for each contract of a page.
 *
 * The due date is the third part from the end of an operation's id; the contract's own may have any number of parts.
 */
function notAsked(kind: ScheduledKind, dueOn: SQL): SQL {
  return sql`(
    select e.id from keiyaku.operations e
    where e.contract_id = c.id and e.state in ('requested', 'executing', 'held') and e.kind::text = ${sql.raw(`'${kind}'`)}
      and split_part(e.id, '.', -3) = to_char(${dueOn}, 'YYYYMMDD')
    limit 1) is null`;
}

/**
 * Whether no run was told, for the same month of the product, that the contract cannot be reserved before a later date: by card
 * Stripe's own boundary decides, and near a month's end a whole period lies between the day from which a contract is found and that.
 */
function notToWait(dueOn: SQL, date: SQL): SQL {
  return sql`(case when c.payment_method = 'card' then (
    select r.id from keiyaku.operations r
    where r.contract_id = c.id and r.state = 'rejected' and r.kind::text = 'reserve_by_product_month'
      and r.rejection_detail ->> 'askAgainOn' > ${date}::text
      and r.id = keiyaku.scheduled_operation_id('reserve_by_product_month', c.id, ${dueOn}, p.version,
        case when r.actor_type = 'schedule' then (r.params ->> 'date')::date end)
    limit 1) end) is null`;
}

/** Where a phase begins. */
export function firstCursor(kind: ScheduledKind): DueCursor {
  return dueQueries[kind].first;
}

/** Selects one page of what is due: `contract_id`, `due_on`, `version`, `key`, in the order of the key. */
export function selectDue(kind: ScheduledKind, date: BusinessDate, after: DueCursor, limit: number): SQL {
  return dueQueries[kind].select({
    date: sql`${date}::date`,
    after: after.map((part) => sql`${part}::text`),
    limit: sql`${limit}::integer`,
  });
}
