import type { Sql } from "postgres";
import type { Temporal } from "temporal-polyfill";
import { type ScheduledKind, scheduledKinds } from "../../../src/contract/scheduled.ts";
import { showCount } from "../report/show-count.ts";
import { type YearContract, yearContracts } from "./contracts.ts";
import type { YearDates } from "./year-dates.ts";

/** How a contract of the year stands: its status, its payments, and what of them is open. */
export interface YearStanding {
  readonly status: string;
  /** As `5 paid, 1 never_charged`. */
  readonly payments: string;
  /** As `0–4`. */
  readonly open: string;
}

/** What the dates of the year have brought, of one kind. */
export interface BroughtKind {
  readonly kind: ScheduledKind;
  readonly succeeded: number;
  readonly rejected: number;
  /** How many of all these were of the contracts that the demo began with. */
  readonly ofOthers: number;
}

/** How the year ended. */
export interface YearReport {
  readonly standings: readonly {
    readonly contract: YearContract;
    readonly is: YearStanding;
    readonly must: YearStanding;
  }[];
  readonly brought: readonly BroughtKind[];
  /** Dates of the year, and those whose run is done. */
  readonly dates: number;
  readonly datesDone: number;
  /** Operations that wait for a person, and those that are open otherwise. */
  readonly held: number;
  readonly open: number;
  readonly eventsWaiting: number;
  /** Whether the audit found nothing. */
  readonly auditHolds: boolean;
}

/** Reads it by SQL of its own. */
export async function readYear(sql: Sql, dates: YearDates): Promise<Omit<YearReport, "auditHolds">> {
  const rows = await sql<{ id: string; status: string; states: string[]; open: string[] }[]>`
    select c.id, c.status,
      array(select p.state from keiyaku.payments p where p.contract_id = c.id order by p.period) as states,
      array(select coalesce(p.period::text, 'for good') from keiyaku.payments p
        join keiyaku.licenses l on l.payment_id = p.id
        where p.contract_id = c.id and l.revoked_at is null order by p.period) as open
    from keiyaku.contracts c where c.id = any (${yearContracts.map(({ contractId }) => contractId)})`;
  const standings = yearContracts.map((contract) => {
    const { status = "unknown", states = [], open = [] } = rows.find(({ id }) => id === contract.contractId) ?? {};
    return { contract, is: standing(status, states, open), must: standingThatMust(contract, dates) };
  });
  const brought = await sql<BroughtKind[]>`
    select kind, (count(*) filter (where state = 'succeeded'))::int as succeeded,
      (count(*) filter (where state = 'rejected'))::int as rejected,
      (count(*) filter (where contract_id not like 'Y-%'))::int as "ofOthers"
    from keiyaku.operations where actor_type = 'schedule' group by kind order by kind`;
  const [counts] = await sql<Pick<YearReport, "datesDone" | "held" | "open" | "eventsWaiting">[]>`
    select (select count(*)::int from keiyaku.maintenance_runs where state = 'done'
        and business_date between ${dates.first.toString()}::date and ${dates.last.toString()}::date) as "datesDone",
      (select count(*)::int from keiyaku.operations where state = 'held') as held,
      (select count(*)::int from keiyaku.operations where state in ('requested', 'executing')) as open,
      (select count(*)::int from keiyaku.stripe_events where state not in ('applied', 'ignored')) as "eventsWaiting"`;
  if (counts === undefined) throw new Error("counts are one row");
  return {
    standings,
    brought: scheduledKinds.map(
      (kind) => brought.find((each) => each.kind === kind) ?? { kind, succeeded: 0, rejected: 0, ofOthers: 0 },
    ),
    dates: dates.months.flat().length,
    ...counts,
  };
}

function standing(status: string, states: readonly string[], open: readonly string[]): YearStanding {
  const names = [...new Set(states)];
  const payments = names.map((name) => `${states.filter((state) => state === name).length} ${name}`).join(", ");
  const isRow = open.length > 1 && open.every((period, index) => period === String(index));
  return { status, payments, open: isRow ? `0–${open.length - 1}` : open.join(" ") || "–" };
}

/** The reckoning by the calendar that the worker's own has to agree with. */
function standingThatMust(contract: YearContract, dates: YearDates): YearStanding {
  const { status, paidBefore, others = [] } = contract.must;
  if (contract.product.kind === "one_time") return standing(status, ["paid", ...others], ["for good"]);
  const before = paidBefore === undefined ? undefined : dates.of(contract, paidBefore);
  const paid = dates.paidPeriodsOf(contract, before);
  const states = [...Array.from({ length: paid }, () => "paid"), ...others];
  return standing(
    status,
    states,
    Array.from({ length: paid }, (_, period) => String(period)),
  );
}

/** What a month has brought, in words. */
export async function readMonth(sql: Sql, dates: readonly Temporal.PlainDate[]): Promise<string> {
  const rows = await sql<{ kind: ScheduledKind; count: number }[]>`
    select kind, count(*)::int as count from keiyaku.operations
    where actor_type = 'schedule' and actor_id = any (${dates.map((date) => date.toString())}) and state = 'succeeded'
    group by kind`;
  const brought = scheduledKinds.flatMap((kind) => {
    const count = rows.find((row) => row.kind === kind)?.count;
    return count === undefined ? [] : [`${showCount(count)} ${kind}`];
  });
  return `${dates.length} days: ${brought.join(", ") || "nothing fell due"}`;
}

/** What is not as it must be at the year's end, a sentence each. */
export function faultsInYear(year: YearReport): readonly string[] {
  const { standings, dates, datesDone, open, eventsWaiting, brought, auditHolds } = year;
  return [
    ...(brought.every(({ succeeded }) => succeeded === 0) ? ["The year's dates brought nothing."] : []),
    ...(datesDone === dates ? [] : [`Of ${dates} dates ${datesDone} have had their run.`]),
    ...(open === 0 ? [] : [`${open} operations are open at the year's end.`]),
    ...(eventsWaiting === 0 ? [] : [`${eventsWaiting} of Stripe's events wait at the year's end.`]),
    ...(auditHolds ? [] : ["The audit found what must not be."]),
    ...standings.flatMap(({ contract: { contractId }, is, must }) => {
      const [isNow, mustBe] = [inWords(is), inWords(must)];
      return isNow === mustBe ? [] : [`${contractId} is ${isNow}, and must be ${mustBe}.`];
    }),
  ];
}

function inWords({ status, payments, open }: YearStanding): string {
  return `${status} (${payments}; open ${open})`;
}
