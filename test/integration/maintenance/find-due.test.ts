import { sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  type BusinessDate,
  monthOf,
  nextRenewalAfter,
  parseBusinessDate,
  plusDays,
} from "../../../src/contract/calendar.ts";
import { type ScheduledKind, scheduledKinds } from "../../../src/contract/scheduled.ts";
import { firstCursor, selectDue } from "../../../src/store/find-due.ts";
import { addContract, insertRows, productRow } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

const dialect = new PgDialect();
const date = parseBusinessDate("2025-01-20");

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

/** Sixty thousand operations of the schedule, one of forty open. */
async function addLedger() {
  const { sql: own } = store;
  await own`insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at, taken_at,
      accepted_at, content_hash, state, ring_at, outcome, concluded_at)
    select 'op-' || n, 'renew', 'c-' || n, 'schedule', '2025-01-19', '{}', now(), now(), now(), repeat('0', 64),
      (case when n % 40 = 0 then 'requested' else 'succeeded' end)::keiyaku.operation_state,
      case when n % 40 = 0 then now() end, case when n % 40 <> 0 then '{}'::jsonb end, case when n % 40 <> 0 then now() end
    from generate_series(1, 60000) as n`;
  await own`analyze keiyaku.operations`;
}

describe("the plan of each due query", () => {
  const indexOf: Record<ScheduledKind, string> = {
    start: "contracts_to_start",
    terminate_at_renewal: "contracts_to_terminate",
    end_special_period: "contracts_to_end_special_period",
    renew: "contracts_to_renew",
    reserve_by_product_month: "contracts_to_reserve_by_product_month",
    release_by_product_month: "contracts_to_release_by_product_month",
  };

  beforeAll(async () => {
    const { sql: own } = store;
    // Of many contracts a thousandth has something due of each kind.
    await insertRows(own, "products", productRow({ id: "p-ending", automatic_termination_month: "2025-02" }));
    await insertRows(own, "products", productRow({ id: "p-released" }));
    for (let number = 0; number < 50; number += 1)
      await insertRows(own, "products", productRow({ id: `p-other-${number}` }));
    await addContract(own, { id: "first", renewal_due_on: "2025-03-08" });
    await own`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
        price_minor, initial_fee_minor, special_months, special_price_minor, start_on, renewal_due_on, termination_on,
        termination_source, version, changed_by_operation_id, created_at)
      select 'c-' || n, case when n % 1000 = 4 then 'p-ending' when n % 1000 = 5 then 'p-released' else 'p-1' end, 'cust-1',
        'monthly', 'bank_transfer', 'application',
        (case when n % 1000 = 0 then 'not_started' when n % 1000 = 1 or n % 1000 = 5 then 'termination_reserved'
          when n % 2 = 0 and n % 1000 > 5 then 'special_period' else 'active' end)::keiyaku.contract_status,
        'jpy', 1980, 0, case when n % 2 = 0 and n % 1000 > 5 then case when n % 1000 = 6 then 1 else 60 end else 0 end,
        case when n % 2 = 0 and n % 1000 > 5 then 980 end,
        case when n % 1000 = 0 then '2025-01-20' else '2024-06-01'::date + n % 20 end,
        case when n % 1000 = 3 then '2025-01-20'::date else '2025-02-01'::date + n % 28 end,
        case when n % 1000 = 1 then '2025-01-20'::date when n % 1000 = 5 then '2025-02-10' end,
        (case when n % 1000 = 1 then 'person' when n % 1000 = 5 then 'product_month' end)::keiyaku.reservation_source,
        1, 'made', '2024-05-01T03:00:00Z'
      from generate_series(1, 60000) as n`;
    await own`analyze keiyaku.contracts, keiyaku.products, keiyaku.operations`;
  });

  it("does not look at contracts whose product ends in a month to which no renewal of theirs has come", async () => {
    const { sql: own } = store;
    // Nearly all of them are of this product.
    await own`update keiyaku.products set automatic_termination_month = '2025-03' where id = 'p-1'`;
    onTestFinished(async () => {
      await own`update keiyaku.products set automatic_termination_month = null where id = 'p-1'`;
    });
    const { plan, found } = await explain("reserve_by_product_month");
    expect(found).toHaveLength(60);
    const removed = [...plan.matchAll(/Rows Removed by Filter: (\d+)/g)].map(([, rows]) => Number(rows));
    expect(Math.max(...removed)).toBeLessThan(100);
  });

  /** The plan, and how many rows it found. */
  async function explain(kind: ScheduledKind) {
    const { sql: text, params } = dialect.sqlToQuery(selectDue(kind, date, firstCursor(kind), 1_000));
    const rows = await store.sql.unsafe(`explain (analyze) ${text}`, params as string[]);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    return { plan, found: await store.sql.unsafe(text, params as string[]) };
  }

  it.each(scheduledKinds)(
    "looks contract by contract for what is open, though hardly anything was when it was made: %s",
    async (kind) => {
      // As our own sessions plan it.
      const rows = await store.db.run("explain", sql`explain ${selectDue(kind, date, firstCursor(kind), 1_000)}`);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect(plan).toMatch(/SubPlan/);
      expect(plan).toMatch(/Index Cond: \(.*contract_id = c\.id/);
    },
  );

  describe("beside a long ledger", () => {
    beforeAll(addLedger);

    it.each(scheduledKinds)("goes by an index of its own: %s", async (kind) => {
      const { plan, found } = await explain(kind);

      expect(plan).toContain(indexOf[kind]);
      expect(plan).not.toMatch(/Seq Scan on (contracts|operations)/);
      expect(found).toHaveLength(60);
    });
  });
});

describe("what comes to its product's month", () => {
  it("is found from the renewal before on, whatever its day; by card some days earlier", async () => {
    const { sql: own } = store;
    await own`truncate keiyaku.contracts, keiyaku.operations cascade`;
    await insertRows(own, "products", productRow({ id: "p-march", automatic_termination_month: "2025-03" }));
    const startsOn = Array.from({ length: 31 }, (_, day) => plusDays(parseBusinessDate("2024-01-01"), day));
    for (const start_on of startsOn) {
      const common = { product_id: "p-march", start_on };
      await addContract(own, { id: `bank-${start_on}`, renewal_due_on: "2025-12-01", ...common });
      const ids = { stripe_customer_id: `cus-${start_on}`, stripe_subscription_id: `sub-${start_on}` };
      await addContract(own, { id: `card-${start_on}`, payment_method: "card", ...ids, ...common });
    }
    const reaches = (startOn: BusinessDate, on: BusinessDate) => monthOf(nextRenewalAfter(startOn, on)) >= "2025-03";
    for (let on = parseBusinessDate("2025-01-20"); on < "2025-03-05"; on = plusDays(on, 1)) {
      const found: string[] = [];
      for (let after = firstCursor("reserve_by_product_month"); ; ) {
        const { sql: text, params } = dialect.sqlToQuery(selectDue("reserve_by_product_month", on, after, 5));
        const page = await own.unsafe(text, params as string[]);
        found.push(...page.map(({ contract_id }) => contract_id));
        if (page.length < 5) break;
        after = page.at(-1)?.key;
      }
      const expected = startsOn.filter((startOn) => reaches(startOn, on)).map((startOn) => `bank-${startOn}`);
      const byCard = startsOn
        .filter((startOn) => reaches(startOn, plusDays(on, 4)))
        .map((startOn) => `card-${startOn}`);
      expect({ on, found: found.filter((id) => id.startsWith("bank-")).toSorted() }).toEqual({ on, found: expected });
      expect(found).toEqual(expect.arrayContaining(byCard));
      expect(new Set(found).size).toBe(found.length);
    }
  });
});
