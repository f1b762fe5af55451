import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseBusinessDate, periodOn, renewalDate } from "../../../src/contract/calendar.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

/* The database counts renewals as `src/contract/calendar.ts` does, so that what it finds due is what the rules mean. */

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

/** Days of nine years, half of them at the end of a month. */
const days = fc
  .record({
    month: fc.integer({ min: 0, max: 107 }),
    back: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 30 })),
  })
  .map(({ month, back }) =>
    parseBusinessDate(Temporal.PlainDate.from("2019-01-31").add({ months: month }).subtract({ days: back }).toString()),
  );

it("counts renewal dates and periods as the rules do", async () => {
  const cases = fc
    .sample(fc.record({ startOn: days, on: days, n: fc.integer({ min: 0, max: 60 }) }), 5_000)
    .map((each, place) => ({ ...each, place }));
  const rows = await store.sql<{ renewal: string; period: number }[]>`
    select keiyaku.renewal_date("startOn", n)::text as renewal, keiyaku.period_index("startOn", "on") as period
    from jsonb_to_recordset(${store.sql.json(cases)}) as c("startOn" date, "on" date, n integer, place integer)
    order by place`;

  expect(rows.map(({ renewal }) => renewal)).toEqual(cases.map(({ startOn, n }) => renewalDate(startOn, n)));
  const periods = cases.map(({ startOn, on }) => periodOn(startOn, on)?.index ?? -1);
  expect(rows.map(({ period }) => Math.max(period, -1))).toEqual(periods);
});

it.each([
  ["renew", "c-17", 3, "renew.c-17.20250108.3.20250120"],
  [
    "reserve_by_product_month",
    "abcdefghij.klmno",
    12,
    "reserve_by_product_month.abcdefghij.klmno.20250108.12.20250120",
  ],
])("names what a date brings: %s of %s", async (kind, contractId, version, id) => {
  expect(await nameOf(kind, contractId, version)).toBe(id);
});

it("gives contracts with long ids operations of their own, in the form and the length of an id", async () => {
  const ids = Array.from({ length: 200 }, (_, index) => `${"x".repeat(61)}${String(index).padStart(3, "0")}`);
  for (const kind of ["renew", "reserve_by_product_month"]) {
    const names = await Promise.all(ids.map((id) => nameOf(kind, id, 2_147_483_647)));
    expect(new Set(names).size).toBe(ids.length);
    expect(names.filter((name) => !/^[A-Za-z0-9._-]{1,64}$/.test(name))).toEqual([]);
  }
});

it("keeps more of a hash than will ever be met twice, and the due date where it is looked for", async () => {
  const name = async (kind: string, version: number) => (await nameOf(kind, "x".repeat(64), version)).split(".");
  for (const kind of ["start", "renew", "terminate_at_renewal", "release_by_product_month"]) {
    const [head, hash = "", ...tail] = await name(kind, 2_147_483_647);
    expect([head, ...tail]).toEqual([kind, "20250108", "-", "20250120"]);
    // Six bits each: 114 at least.
    expect(hash).toMatch(/^[A-Za-z0-9_-]{19,}$/);
    // Another version of the cause is another hash.
    expect((await name(kind, 2_147_483_646))[1]).not.toBe(hash);
    const digits = Array.from({ length: 40 }, (_, version) => name(kind, version));
    expect(new Set((await Promise.all(digits)).flatMap(([, each = ""]) => each.split(""))).size).toBeGreaterThan(40);
  }
});

async function nameOf(kind: string, contractId: string, version: number): Promise<string> {
  const [row] = await store.sql`select keiyaku.scheduled_operation_id(${kind}, ${contractId}, '2025-01-08', ${version},
    '2025-01-20') as id`;
  return row?.id;
}
