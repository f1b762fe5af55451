import { afterAll, beforeAll, expect, it } from "vitest";
import { type BusinessDate, instantAt, parseBusinessDate, plusDays } from "../../../src/contract/calendar.ts";
import { expectationsOf } from "../../../src/contract/forecast.ts";
import { scheduledUntil } from "../../../src/maintenance/owed-dates.ts";
import { readForecastPage } from "../../../src/store/read-forecast.ts";
import { driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { addContract, insertRows, productRow } from "../../support/store-rows.ts";

/*
 * Three years, day by day, in a zone with summer time, against a reckoning by integers that shares nothing with the code. The
 * years have a leap day, and the contracts begin at every kind of month's end.
 */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench({ business: { zone: "America/New_York", policy: {} as never } });
});
afterAll(() => bench.close());

type Day = readonly [year: number, month: number, day: number];

const write = ([year, month, day]: Day) => `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function monthsLater([year, month, day]: Day, n: number): Day {
  const months = year * 12 + month - 1 + n;
  const [laterYear, laterMonth] = [Math.floor(months / 12), (months % 12) + 1];
  return [laterYear, laterMonth, Math.min(day, daysIn(laterYear, laterMonth))];
}

interface Life {
  readonly start: Day;
  readonly specialMonths?: number;
  /** After how many months a reservation ends it. */
  readonly reservedFor?: number;
  /** The product's month, as `2025-11`, known from the beginning. */
  readonly endsIn?: readonly [year: number, month: number];
}

const lives: readonly Life[] = [
  { start: [2023, 10, 31] },
  { start: [2024, 1, 30], specialMonths: 1 },
  { start: [2024, 2, 29], specialMonths: 12 },
  { start: [2023, 12, 29], reservedFor: 14 },
  { start: [2023, 11, 8] },
  { start: [2024, 3, 10], specialMonths: 3, endsIn: [2025, 3] },
  { start: [2024, 5, 31], endsIn: [2026, 2] },
  { start: [2024, 1, 1], specialMonths: 2, reservedFor: 26 },
  { start: [2023, 10, 2], endsIn: [2023, 11] },
];

const [first, last] = ["2023-10-01", "2026-09-30"];

/** What the calendar must bring to a life: `date kind`, in the order of a date's phases. */
function expectedOf({ start, specialMonths = 0, reservedFor, endsIn }: Life): readonly string[] {
  const renewal = (n: number) => write(monthsLater(start, n));
  const lastOf = (n: number) => endsIn !== undefined && renewal(n).slice(0, 7) >= write([...endsIn, 1]).slice(0, 7);
  let ends = reservedFor ?? Number.POSITIVE_INFINITY;
  for (let n = 1; endsIn !== undefined && ends === Number.POSITIVE_INFINITY; n += 1) if (lastOf(n)) ends = n;

  const expected: [date: string, place: number, kind: string][] = [[write(start), 0, "start"]];
  for (let n = 0; n < ends && n <= 40; n += 1) expected.push([renewal(n), 3, "renew"]);
  if (ends !== Number.POSITIVE_INFINITY) expected.push([renewal(ends), 1, "terminate_at_renewal"]);
  // A reservation takes the place of the special status, which then has no end of its own.
  const isReservedBefore = reservedFor !== undefined || (endsIn !== undefined && ends - 1 < specialMonths);
  if (specialMonths > 0 && specialMonths < ends && !isReservedBefore) {
    expected.push([renewal(specialMonths), 2, "end_special_period"]);
  }
  if (endsIn !== undefined) expected.push([renewal(ends - 1), 4, "reserve_by_product_month"]);
  return expected
    .filter(([date]) => date >= first && date <= last)
    .toSorted(([a, aPlace], [b, bPlace]) => (a === b ? aPlace - bPlace : a < b ? -1 : 1))
    .map(([date, , kind]) => `${date} ${kind}`);
}

/** What the forecast of a day says: contract, date and what will happen. */
interface Told {
  readonly today: string;
  readonly until: string;
  readonly expected: readonly string[];
}

/** The forecast of every contract for two months, after the run of a day. */
async function forecastOn(date: BusinessDate): Promise<Told> {
  const days = { today: date, until: plusDays(date, 60) };
  const rows = await readForecastPage(bench.db, "", 1_000);
  const expected = rows.flatMap(({ contract, product }) =>
    expectationsOf(contract, product, days).map(({ on, what }) => `${contract.id} ${on} ${what}`),
  );
  return { ...days, expected: expected.toSorted() };
}

/** What then happened of that: the runs of the days that were forecast. */
async function happenedIn({ today, until }: Told): Promise<readonly string[]> {
  const rows = await bench.sql<{ happened: string }[]>`
    select o.contract_id || ' ' || o.actor_id || ' '
      || case o.kind when 'terminate_at_renewal' then 'end' else o.kind::text end as happened
    from keiyaku.operations o join keiyaku.contracts c on c.id = o.contract_id
    where o.actor_id > ${today} and o.actor_id <= ${until} and o.kind <> 'reserve_by_product_month'
      and not (o.kind = 'renew' and o.actor_id = c.start_on::text)`;
  return rows.map(({ happened }) => happened).toSorted();
}

it("brings each contract exactly what its dates say, each day once", { timeout: 600_000 }, async () => {
  const { sql } = bench;
  for (const [index, life] of lives.entries()) {
    const month = life.endsIn === undefined ? null : write([...life.endsIn, 1]).slice(0, 7);
    const product = { automatic_termination_month: month, automatic_termination_month_set_at: `${first}T00:00:00Z` };
    await insertRows(sql, "products", productRow({ id: `life-${index}`, ...product }));
    const special = { special_months: life.specialMonths ?? 0, special_price_minor: life.specialMonths ? 980 : null };
    const [id, start_on] = [`c-${index}`, write(life.start)];
    const known = { product_id: `life-${index}`, status: "not_started", created_at: `${first}T00:00:00Z` };
    await addContract(sql, { id, start_on, ...known, ...special });
  }

  const days = (Date.parse(last) - Date.parse(first)) / 86_400_000 + 1;
  const [until, reservations]: [string[], Map<string, string>] = [[], new Map()];
  const told: Told[] = [];
  for (const [index, { start, reservedFor }] of lives.entries()) {
    // Made on the first day, by a person who wants it to end a long time ahead, as only Stripe's dashboard can.
    if (reservedFor !== undefined) reservations.set(write(start), `c-${index}`);
  }
  for (let day = 0; day < days; day += 1) {
    // A quarter of an hour after the run's time in winter, an hour and a quarter in summer.
    const now = new Date(Date.parse(`${first}T07:45:00Z`) + day * 86_400_000).toISOString();
    const date = scheduledUntil(now, { dailyRunAt: "02:30", zone: "America/New_York" });
    expect(await driveOn(bench, date)).toEqual([date]);
    until.push(date);
    if (date.endsWith("-15") && plusDays(date, 60) <= last) told.push(await forecastOn(date));
    const reserved = reservations.get(date);
    if (reserved === undefined) continue;
    const { start, reservedFor = 0 } = lives[Number(reserved.slice(2))] as Life;
    await sql`update keiyaku.contracts set status = 'termination_reserved', termination_source = 'person',
      termination_on = ${write(monthsLater(start, reservedFor))} where id = ${reserved}`;
  }

  expect(until).toHaveLength(days);
  expect([until[0], until.at(-1), new Set(until).size]).toEqual([first, last, days]);
  const rows = await sql<{ contract: string; asked: string }[]>`
    select contract_id as contract, actor_id || ' ' || kind || case when state = 'succeeded' then '' else ' ' || state end as asked
    from keiyaku.operations order by sequence`;
  for (const [index, life] of lives.entries()) {
    const asked = rows.filter(({ contract }) => contract === `c-${index}`).map((row) => row.asked);
    expect({ life, asked }).toEqual({ life, asked: expectedOf(life) });
  }
  // And each forecast on the way came true.
  expect(told.length).toBeGreaterThan(30);
  for (const each of told) expect({ ...each }).toEqual({ ...each, expected: await happenedIn(each) });
  // Every period that has begun is paid once, and nothing else.
  const [books] = await sql`select count(*)::int as periods, count(distinct id)::int as different,
      count(*) filter (where state = 'paid')::int as paid from keiyaku.payments`;
  const renewed = lives.flatMap(expectedOf).filter((each) => each.endsWith(" renew")).length;
  expect(books).toEqual({ periods: renewed, different: renewed, paid: renewed });
  // The clocks that were set forward on the way did not shift a date.
  expect(instantAt(parseBusinessDate("2024-03-10"), "02:30", "America/New_York")).toBe("2024-03-10T07:30:00Z");
});
