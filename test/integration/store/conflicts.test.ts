import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { guardedStatement, type Part } from "../../../src/store/guarded-statement.ts";
import { contractPart } from "../../../src/store/operation-parts.ts";
import { isConflict, StoreError } from "../../../src/store/store-error.ts";
import { addContract, addOperations, insertRows, licenseRow, paymentRow, rowOf } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";
import { untilWaitingForLocks } from "./support/until-waiting.ts";

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

describe("a child row", () => {
  interface Read {
    readonly version: number;
    readonly returnedMinor: number;
  }

  async function read(): Promise<Read> {
    const [row] = await store.sql<Read[]>`select version, (select coalesce(sum(amount_minor), 0)::int
      from keiyaku.refunds where contract_id = ${contractId}) as "returnedMinor"
      from keiyaku.contracts where id = ${contractId}`;
    if (row === undefined) throw new Error("no contract");
    return row;
  }

  /** So many read, and only then each who saw that nothing was given back gives back. Returns how many did. */
  async function giveBackAtOnce(writersMax: number, guard: (read: Read) => Part[]): Promise<number> {
    const reads = await Promise.all(Array.from({ length: writersMax }, read));
    expect(reads.map(({ returnedMinor }) => returnedMinor)).toEqual(reads.map(() => 0));
    const endings = await Promise.all(
      reads.map((seen, writer) => write(...guard(seen), refundPart(`${contractId}:${writer}`))),
    );
    return endings.filter((ending) => ending === "written").length;
  }

  it("is written twice by two who read the same and do not write the contract's version", async () => {
    expect(await giveBackAtOnce(2, () => [])).toBe(2);
    expect(await refundCount()).toBe(2);
  });

  it("is written once by sixteen who read the same and write the contract's version", async () => {
    expect(await giveBackAtOnce(16, ({ version }) => [contractPart({ contractId, version }, "op")])).toBe(1);
    expect(await refundCount()).toBe(1);
    expect(await read()).toMatchObject({ version: 2 });
  });

  it("is written by everyone in turn, one for each version, when those who lost read again", async () => {
    const writersMax = 16;
    const writeUntilWon = async (writer: number): Promise<number> => {
      for (;;) {
        const { version } = await rowOf(store.sql, "contracts", contractId);
        const guard = contractPart({ contractId, version: Number(version) }, `op-${writer}`);
        const ending = await write(guard, refundPart(`${contractId}:${writer}`));
        if (ending === "written") return Number(version);
        expect(ending).toMatchObject({ fault: "conflict", code: "40001" });
      }
    };
    const versions = await Promise.all(Array.from({ length: writersMax }, (_, writer) => writeUntilWon(writer)));

    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: writersMax }, (_, won) => won + 1));
    expect(await refundCount()).toBe(writersMax);
    expect(await rowOf(store.sql, "contracts", contractId)).toMatchObject({ version: writersMax + 1 });
  });
});

describe("what another writer's coming between is called", () => {
  it("is a conflict for a foreign key that is missing", async () => {
    const license = licenseRow({ contract_id: contractId });
    const ending = await write({
      name: "license",
      rows: 1,
      statement: sql`insert into keiyaku.licenses (payment_id, contract_id) values ('nowhere', ${license.contract_id}) returning payment_id`,
    });
    expect(ending).toMatchObject({
      fault: "conflict",
      code: "23503",
      constraint: "licenses_payment_id_payments_id_fk",
    });
  });

  it("is a conflict for a key that was taken", async () => {
    expect(await write(refundPart(`${contractId}:r`))).toBe("written");
    expect(await write(refundPart(`${contractId}:r`))).toMatchObject({
      fault: "conflict",
      code: "23505",
      constraint: "refunds_pkey",
    });
  });

  it("is a conflict for an operation that would occupy an occupied contract", async () => {
    await addOperations(
      store.sql,
      { id: `${contractId}-1`, contract_id: contractId, state: "executing" },
      { id: `${contractId}-2`, contract_id: contractId },
    );
    const ending = await write({
      name: "occupies",
      rows: 1,
      statement: sql`update keiyaku.operations set occupies = true where id = ${`${contractId}-2`} returning id`,
    });
    expect(ending).toMatchObject({
      fault: "conflict",
      code: "23505",
      constraint: "operations_one_occupies_a_contract",
    });
  });

  it("is a conflict for the one that loses when two statements lock the same rows in unlike order", async () => {
    const other = `${contractId}-other`;
    await addContract(store.sql, { id: other });
    const gate = contractCount;
    const holder = await store.sql.reserve();
    await holder`select pg_advisory_lock(${gate})`;
    // Each locks its first row, and waits at the gate before the second, until both stand there.
    const lockBoth = (first: string, second: string) =>
      write(
        {
          name: "first",
          rows: 1,
          statement: sql`update keiyaku.contracts set version = version + 1 where id = ${first} returning id`,
        },
        {
          name: "second",
          rows: 1,
          statement: sql`update keiyaku.contracts set version = version + 1
            where id = ${second} and pg_advisory_xact_lock_shared(${gate}) is not null returning id`,
        },
      );
    const endings = [lockBoth(contractId, other), lockBoth(other, contractId)];
    await untilWaitingForLocks(store.sql, 2);
    await holder`select pg_advisory_unlock(${gate})`;
    holder.release();

    const [lost, ...rest] = (await Promise.all(endings)).filter((ending) => ending !== "written");
    expect(rest).toEqual([]);
    expect(lost).toMatchObject({ fault: "conflict", code: "40P01" });
    expect(isConflict(lost)).toBe(true);
    // The loser wrote neither row, and the winner both.
    expect(await rowOf(store.sql, "contracts", contractId)).toMatchObject({ version: 2 });
    expect(await rowOf(store.sql, "contracts", other)).toMatchObject({ version: 2 });
  });
});
