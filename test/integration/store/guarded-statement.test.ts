import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { guardedStatement, type Part } from "../../../src/store/guarded-statement.ts";
import { contractPart } from "../../../src/store/operation-parts.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { addContract, everythingOf, insertRows, paymentRow, refundRow, rowOf } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore({ poolSize: 20 });
});
afterAll(() => store.close());

/** A paid contract of the test's own. */
let contractId: string;
let paymentId: string;
let contractCount = 0;
beforeEach(async () => {
  contractCount += 1;
  contractId = `c-${contractCount}`;
  paymentId = `${contractId}:period:0`;
  await addContract(store.sql, { id: contractId });
  await insertRows(store.sql, "payments", paymentRow({ contract_id: contractId }));
});

function refundPart(id: string, name = "refund"): Part {
  return {
    name,
    rows: 1,
    statement: sql`insert into keiyaku.refunds (id, contract_id, payment_id, amount_minor, state, operation_id, settled_at)
      values (${id}, ${contractId}, ${paymentId}, 100, 'manual_done', 'op', clock_timestamp()) returning id`,
  };
}

/** Runs parts as a guarded statement and says how it ended. */
async function write(...parts: Part[]): Promise<StoreError | "written"> {
  try {
    await store.db.run("write", guardedStatement(parts));
    return "written";
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
}

async function refundCount(): Promise<number> {
  const [row] = await store.sql`select count(*)::int as refunds from keiyaku.refunds where contract_id = ${contractId}`;
  return row?.refunds;
}

describe("a part that meets no row", () => {
  it("goes unnoticed by PostgreSQL: the other parts are written all the same", async () => {
    await store.sql`with guard as (update keiyaku.contracts set version = version + 1
        where id = ${contractId} and version = 99 returning id),
      child as (insert into keiyaku.refunds ${store.sql({ ...refundRow({ contract_id: contractId, payment_id: paymentId }) })}
        returning id)
      select count(*) from guard`;

    expect(await refundCount()).toBe(1);
    expect(await rowOf(store.sql, "contracts", contractId)).toMatchObject({ version: 1 });
  });

  const missing = (name: string): Part => ({
    name,
    rows: 1,
    statement: sql`update keiyaku.payments set dispute = 'open' where id = ${paymentId} and state = 'due' returning id`,
  });

  it.each([
    ["first", () => [missing("missing"), contractPart({ contractId, version: 1 }, "op"), refundPart("r1")]],
    ["in the middle", () => [contractPart({ contractId, version: 1 }, "op"), missing("missing"), refundPart("r1")]],
    ["last", () => [contractPart({ contractId, version: 1 }, "op"), refundPart("r1"), missing("missing")]],
  ])("undoes a guarded statement wholly, standing %s", async (_, parts) => {
    const before = await everythingOf(store.sql, contractId);
    const ending = await write(...parts());

    expect(ending).toMatchObject({ fault: "conflict", code: "40001" });
    expect(await everythingOf(store.sql, contractId)).toEqual(before);
  });

  it("undoes a guarded statement also when it meets more rows than it should", async () => {
    await insertRows(store.sql, "payments", paymentRow({ contract_id: contractId, period: 1 }));
    const both = sql`update keiyaku.payments set dispute = 'open' where contract_id = ${contractId} returning id`;
    const before = await everythingOf(store.sql, contractId);
    const ending = await write(refundPart("r2"), { name: "both", rows: 1, statement: both });

    expect(ending).toMatchObject({ fault: "conflict", code: "40001" });
    expect(await everythingOf(store.sql, contractId)).toEqual(before);
    expect(await write({ name: "both", rows: 2, statement: both })).toBe("written");
  });

  it("is let be where it is not counted", async () => {
    expect(await write(contractPart({ contractId, version: 1 }, "op"), { ...missing("missing"), rows: "any" })).toBe(
      "written",
    );
    expect(await rowOf(store.sql, "contracts", contractId)).toMatchObject({
      version: 2,
      changed_by_operation_id: "op",
    });
  });
});

describe("two parts that write the same row", () => {
  const priced = () => sql`update keiyaku.contracts set price_minor = 5 where id = ${contractId} returning id`;
  const charged = () => sql`update keiyaku.contracts set initial_fee_minor = 7 where id = ${contractId} returning id`;

  it("take effect only once in PostgreSQL, without an error", async () => {
    await store.db.run("raw", sql`with priced as (${priced()}), charged as (${charged()}) select 1 as one`);

    const { price_minor, initial_fee_minor } = await rowOf(store.sql, "contracts", contractId);
    expect([price_minor === "5", initial_fee_minor === "7"].filter(Boolean)).toHaveLength(1);
  });

  it("are a conflict that writes nothing where both are counted", async () => {
    const before = await everythingOf(store.sql, contractId);
    const ending = await write(
      { name: "priced", rows: 1, statement: priced() },
      { name: "charged", rows: 1, statement: charged() },
    );

    expect(ending).toMatchObject({ fault: "conflict", code: "40001" });
    expect(await everythingOf(store.sql, contractId)).toEqual(before);
  });
});

describe("guardedStatement", () => {
  const part = (name: string, rows: Part["rows"] = 1): Part => ({ name, rows, statement: sql`select 1` });

  it("refuses two parts of one name, for one of them would be lost", () => {
    expect(() => guardedStatement([part("contract"), part("contract")])).toThrow("contract, contract");
  });

  it("refuses to be made of nothing, or of parts of which none is counted", () => {
    expect(() => guardedStatement([])).toThrow("none");
    expect(() => guardedStatement([part("a", "any"), part("b", "any")])).toThrow("counted");
  });

  it.each(["", "Contract", "a-b", "a b", 'a"', "a,b", "a1", "{}"])("refuses the name %j", (name) => {
    expect(() => guardedStatement([part(name)])).toThrow("cannot name a part");
  });

  it("says which part met how many rows", async () => {
    await expect(store.sql`select keiyaku.expect_rows('{one,two}', '{1,2}', '{1,3}')`).rejects.toMatchObject({
      code: "40001",
      message: "part two met 3 rows where 2 were expected",
    });
  });
});
