import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  contractRow,
  insertRows,
  notificationRow,
  operationRow,
  paymentRow,
  refundRow,
  type StoreRow,
} from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";
import {
  furtherRows,
  generatedKeys,
  plantedViolations,
  type TableName,
  validRows,
} from "./support/planted-violations.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
  for (const [table, row] of Object.entries(validRows)) await insertRows(store.sql, table, row);
  for (const [table, row] of furtherRows) await insertRows(store.sql, table, row);
});
afterAll(() => store.close());

const tables = Object.keys(validRows) as TableName[];

/** How the database answers to a row: by `accepted`, or by the constraint or column that refused it. */
async function answerTo(table: string, row: StoreRow): Promise<string> {
  try {
    await insertRows(store.sql, table, row);
    return "accepted";
  } catch (error) {
    const { code, constraint_name, column_name } = error as postgres.PostgresError;
    return constraint_name ?? column_name ?? code;
  }
}

describe("the database refuses nonsense", () => {
  const planted = tables.flatMap((table) =>
    Object.entries(plantedViolations[table]).flatMap(([constraint, rows]) =>
      rows.map((row, number) => ({ table, constraint, number: number + 1, row })),
    ),
  );

  it.each(planted)("$constraint, violation $number", async ({ table, constraint, row }) => {
    expect(await answerTo(table, row)).toBe(constraint);
  });

  it("by constraints and unique indexes of which each has a violation planted here", async () => {
    // The migrations' own table is drizzle's; columns that must not be null come further below.
    const there = await store.sql<{ name: string }[]>`
      select conname as name from pg_constraint
        where connamespace = 'keiyaku'::regnamespace and contype <> 'n' and conname not like '\\_\\_drizzle%'
      union
      select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
        where c.relnamespace = 'keiyaku'::regnamespace and i.indisunique and c.relname not like '\\_\\_drizzle%'`;
    const covered = [...tables.flatMap((table) => Object.keys(plantedViolations[table])), ...generatedKeys];

    expect(covered.sort()).toEqual(there.map(({ name }) => name).sort());
  });

  it.each(tables)("%s lets no column be empty that must not be", async (table) => {
    const columns = await store.sql<{ name: string }[]>`
      select attname as name from pg_attribute
      where attrelid = ${`keiyaku.${table}`}::regclass and attnum > 0 and attnotnull and attidentity = ''`;

    expect(columns.length).toBeGreaterThan(0);
    for (const { name } of columns) expect(await answerTo(table, { ...validRows[table], [name]: null })).toBe(name);
  });

  it.each(generatedKeys)("%s is a number that only the database gives out", async (key) => {
    const [found] = await store.sql`
      select c.relname as table, a.attname as column from pg_constraint k
      join pg_class c on c.oid = k.conrelid join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
      where k.conname = ${key} and a.attidentity = 'a'`;
    const table = found?.table as TableName;
    // SQLSTATE generated_always.
    expect(await answerTo(table, { ...validRows[table], [found?.column]: 1 })).toBe("428C9");
  });
});

describe("the database accepts what the vocabulary has", () => {
  /** Tries a row in a transaction that is never committed. */
  async function tried(table: string, row: StoreRow): Promise<string> {
    const undo = new Error("undo");
    return store.sql
      .begin(async (sql) => {
        await insertRows(sql as unknown as postgres.Sql, table, row);
        throw undo;
      })
      .then(
        () => "committed",
        (error: unknown) => (error === undo ? "accepted" : String(error)),
      );
  }

  async function wordsOf(type: string): Promise<string[]> {
    const rows = await store.sql<
      { word: string }[]
    >`select unnest(enum_range(null::keiyaku.${store.sql(type)}))::text as word`;
    return rows.map(({ word }) => word);
  }

  it("every status of a contract, for a kind that it fits", async () => {
    for (const status of await wordsOf("contract_status")) {
      const kind = status === "established" ? "one_time" : "monthly";
      expect({ status, answer: await tried("contracts", contractRow({ id: "c-2", kind, status })) }).toEqual({
        status,
        answer: "accepted",
      });
    }
  });

  it("a suspended contract that keeps its reservation", async () => {
    const reserved = { termination_on: "2025-02-08", termination_source: "stripe" };
    expect(await tried("contracts", contractRow({ id: "c-2", status: "payment_unconfirmed", ...reserved }))).toBe(
      "accepted",
    );
  });

  it.each(["payment_state", "payment_subject", "refund_state", "operation_state"])("every %s", async (type) => {
    const rowOf: Record<string, (word: string) => readonly [TableName, StoreRow]> = {
      payment_state: (state) => ["payments", paymentRow({ period: 1, state })],
      payment_subject: (subject) => ["payments", paymentRow({ subject, stripe_invoice_id: "in_2" })],
      refund_state: (state) => ["refunds", refundRow({ id: "r", payment_id: "c-1:period:7", state })],
      operation_state: (state) => ["operations", operationRow({ id: "op-2", contract_id: "c-2", state })],
    };
    for (const word of await wordsOf(type)) {
      const [table, row] = rowOf[type]?.(word) ?? [];
      expect({ word, answer: await tried(`${table}`, { ...row, id: "new" }) }).toEqual({ word, answer: "accepted" });
    }
  });

  it.each(["waiting", "claimed", "sent", "refused", "unknown"])("a mail that is %s", async (state) => {
    expect(await tried("notifications", notificationRow({ cause: "op-2", state }))).toBe("accepted");
  });

  it("two refunds of a payment of which only one is still waited for", async () => {
    expect(await tried("refunds", refundRow({ id: "r", payment_id: "c-1:period:7", state: "manual_due" }))).toBe(
      "accepted",
    );
  });
});
