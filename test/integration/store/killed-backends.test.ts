import { setTimeout as pause } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { expect, it, onTestFinished } from "vitest";
import { Database } from "../../../src/store/database.ts";
import { guardedStatement } from "../../../src/store/guarded-statement.ts";
import { contractPart } from "../../../src/store/operation-parts.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { eventually } from "../../support/eventually.ts";
import { addContract, insertRows, paymentRow } from "../../support/store-rows.ts";
import { addressOf, createTestStore, type TestStore } from "../../support/test-database.ts";

/** Enough that each row is fought over, and that killings fall into every moment of a statement. */
const writersMax = 16;
const rowsMax = 50;
const acknowledgedWanted = 800;
const killedWanted = 100;

/** Every writer connects anew after every killing, which is most of the work: a crowded machine takes its time. */
const withinMs = 120_000;

/** What the writers learned of each write that they tried. */
interface Ledger {
  readonly acknowledged: Set<string>;
  /** Writes without an answer that were found to have happened, and those found not to have. */
  readonly found: Set<string>;
  readonly missing: Set<string>;
}

/** One write: the contract's next version, and a row that belongs to it. Throws as the store does. */
async function write(db: Database, id: string, contractId: string): Promise<void> {
  const [read] = await db.run<{ version: number }>(
    "read",
    sql`select version from keiyaku.contracts where id = ${contractId}`,
  );
  const refund = sql`insert into keiyaku.refunds (id, contract_id, payment_id, amount_minor, state, operation_id, settled_at)
    values (${id}, ${contractId}, ${`${contractId}:period:0`}, 1, 'manual_done', ${id}, clock_timestamp()) returning id`;
  const parts = [
    contractPart({ contractId, version: read?.version ?? 0 }, id),
    { name: "refund", rows: 1, statement: refund },
  ];
  await db.run("write", guardedStatement(parts));
}

/** Tries until it is known whether the write has happened. A conflict says that it has not; no answer says nothing. */
async function writeUntilKnown(
  db: Database,
  ledger: Ledger,
  { id, contractId, isOver }: { id: string; contractId: string; isOver: () => boolean },
): Promise<void> {
  let mayHaveHappened = false;
  while (!isOver()) {
    try {
      if (mayHaveHappened) {
        const rows = await db.run("look", sql`select id from keiyaku.refunds where id = ${id}`);
        ledger[rows.length === 1 ? "found" : "missing"].add(id);
        return;
      }
      await write(db, id, contractId);
      ledger.acknowledged.add(id);
      return;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.fault === "unreachable") mayHaveHappened ||= error.statement === "write";
      else expect(error.fault).toBe("conflict");
    }
  }
}

async function killAll(sql: TestStore["sql"]): Promise<number> {
  const killed = await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'writers'`;
  return killed.length;
}

it("keeps every acknowledged write, and none by halves, while its backends are killed", {
  timeout: withinMs,
}, async () => {
  const store = await createTestStore();
  const db = new Database({
    address: addressOf(store.url),
    poolSize: writersMax,
    applicationName: "writers",
  });
  let isOver = false;
  onTestFinished(async () => {
    isOver = true;
    await db.close(100);
    await store.close();
  });
  for (let row = 0; row < rowsMax; row += 1) {
    await addContract(store.sql, { id: `c-${row}` });
    await insertRows(store.sql, "payments", paymentRow({ contract_id: `c-${row}` }));
  }

  const ledger: Ledger = { acknowledged: new Set(), found: new Set(), missing: new Set() };
  let killed = 0;
  const isEnough = () => isOver || (ledger.acknowledged.size >= acknowledgedWanted && killed >= killedWanted);
  const writers = Array.from({ length: writersMax }, async (_, writer) => {
    for (let count = 0; !isEnough(); count += 1) {
      const contractId = `c-${Math.floor(Math.random() * rowsMax)}`;
      await writeUntilKnown(db, ledger, { id: `${writer}-${count}`, contractId, isOver: () => isOver });
    }
  });
  const working = Promise.all(writers);
  const killing = (async () => {
    while (!isEnough()) {
      killed += await killAll(store.sql);
      // On a crowded machine a new connection takes longer than the pause: without this, none would live to write anything.
      const acknowledged = ledger.acknowledged.size;
      await eventually(() => isEnough() || ledger.acknowledged.size > acknowledged, { withinMs, everyMs: 5 });
      await pause(10 + Math.random() * 60);
    }
  })();
  await Promise.all([working, killing]);

  const rows = await store.sql<{ id: string }[]>`select id from keiyaku.refunds`;
  const present = new Set(rows.map(({ id }) => id));
  expect([...ledger.acknowledged].filter((id) => !present.has(id))).toEqual([]);
  expect([...ledger.missing].filter((id) => present.has(id))).toEqual([]);
  expect(present.size).toBe(ledger.acknowledged.size + ledger.found.size);
  expect(ledger.found.size + ledger.missing.size).toBeGreaterThan(0);
  const halves = await store.sql`select c.id from keiyaku.contracts c
    where c.version - 1 <> (select count(*) from keiyaku.refunds r where r.contract_id = c.id)
      or c.version > 1 and not exists (select from keiyaku.refunds r
        where r.contract_id = c.id and r.operation_id = c.changed_by_operation_id)`;
  expect(halves).toEqual([]);
});
