import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { getTableColumns, is } from "drizzle-orm";
import { getTableConfig, isPgEnum, PgTable } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as schema from "../../../src/store/schema/index.ts";
import { insertRows, type StoreRow } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";
import { type TableName, validRows } from "./support/planted-violations.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

const tables = Object.values(schema).flatMap((exported) => (is(exported, PgTable) ? [exported as PgTable] : []));
const named = tables.map((table) => ({ table, name: getTableConfig(table).name }));
const enums = Object.values(schema).filter((exported) => isPgEnum(exported));

/** A column's type as PostgreSQL writes it. */
function typeOf(sqlType: string): string {
  return sqlType.replace(/^char\(/, "character(").replace(/^timestamp \(3\)/, "timestamp(3)");
}

describe("the schema files", () => {
  it.each(named)("say what each column of $name is for", async ({ table, name }) => {
    const file = join(import.meta.dirname, "../../../src/store/schema", `${name.replaceAll("_", "-")}.ts`);
    const source = await readFile(file, "utf8");
    const silent = Object.keys(getTableColumns(table)).filter(
      (property) => !new RegExp(`\\*/\\n\\s+${property}: `).test(source),
    );
    expect(silent).toEqual([]);
    expect(source).toMatch(/\*\/\nexport const /);
  });

  it("are about the tables that the database has", async () => {
    const there = await store.sql<{ name: string }[]>`select relname as name from pg_class
      where relnamespace = 'keiyaku'::regnamespace and relkind in ('r', 'p') and relname <> '__drizzle_migrations'`;
    expect(named.map(({ name }) => name).sort()).toEqual(there.map(({ name }) => name).sort());
    expect(named.map(({ name }) => name).sort()).toEqual(Object.keys(validRows).sort());
  });

  it.each(named)(
    "name the columns of $name, their types and which may be empty, as the database has them",
    async ({ table, name }) => {
      const there =
        await store.sql`select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as "notNull"
      from pg_attribute where attrelid = ${`keiyaku.${name}`}::regclass and attnum > 0 and not attisdropped order by attnum`;
      const written = getTableConfig(table).columns.map((column) => ({
        name: column.name,
        type: isPgEnum((column as { enum?: unknown }).enum)
          ? `keiyaku.${column.getSQLType().replace(/^.*\./, "")}`
          : typeOf(column.getSQLType()),
        notNull: column.notNull || column.primary,
      }));
      expect(written).toEqual([...there]);
    },
  );

  it.each(named)("name the checks and indexes of $name, as the database has them", async ({ table, name }) => {
    const { checks, indexes } = getTableConfig(table);
    const regclass = `keiyaku.${name}`;
    const checksThere = await store.sql<{ name: string }[]>`select conname as name from pg_constraint
      where conrelid = ${regclass}::regclass and contype = 'c'`;
    const indexesThere = await store.sql<{ name: string; unique: boolean }[]>`
      select c.relname as name, i.indisunique as unique from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = ${regclass}::regclass
        and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))`;

    expect(checks.map((check) => check.name).sort()).toEqual(checksThere.map((check) => check.name).sort());
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    const written = indexes.map(({ config }) => ({ name: `${config.name}`, unique: config.unique ?? false }));
    expect(written.sort(byName)).toEqual([...indexesThere].sort(byName));
  });

  it("give each closed vocabulary the words that the database has, in their order", async () => {
    const there =
      await store.sql`select t.typname as name, array_agg(e.enumlabel::text order by e.enumsortorder) as words
      from pg_type t join pg_enum e on e.enumtypid = t.oid where t.typnamespace = 'keiyaku'::regnamespace
      group by t.typname order by t.typname`;
    const written = enums.map(({ enumName, enumValues }) => ({ name: enumName, words: enumValues }));
    expect(written.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([...there]);
  });
});

describe("a column with a closed set of words", () => {
  const closed = tables.flatMap((table) =>
    getTableConfig(table).columns.flatMap((column) =>
      (column.enumValues ?? []).length > 0 ? [{ table: getTableConfig(table).name, column: column.name }] : [],
    ),
  );

  it.each(closed)("$column of $table takes no other", async ({ table, column }) => {
    const row: StoreRow = { ...validRows[table as TableName], [column]: "nonsense" };
    // 23514: a check; 22P02: no word of the enum type.
    await expect(insertRows(store.sql, table, row)).rejects.toMatchObject({
      code: expect.stringMatching(/^(23514|22P02)$/),
    });
  });
});

describe("a column of JSON", () => {
  it("takes an object, or a list, only: text that was meant to be one would be stored as a JSON string", async () => {
    // What each of these checks refuses is planted in `schema-violations.test.ts`.
    const rows = await store.sql<{ table: string; column: string; checked: boolean }[]>`
      select table_name as table, column_name as column, exists (select from pg_constraint
          where connamespace = 'keiyaku'::regnamespace
            and conname in (table_name || '_' || column_name || '_is_object', table_name || '_' || column_name || '_is_list')
        ) as checked
      from information_schema.columns where table_schema = 'keiyaku' and data_type like 'json%' order by 1, 2`;

    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter(({ checked }) => !checked)).toEqual([]);
  });
});

describe("everything of ours", () => {
  it("lives in the schema keiyaku, and the queue's own things in bullmq", async () => {
    const schemas = await store.sql<{ name: string }[]>`select nspname as name from pg_namespace
      where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1`;
    expect(schemas.map(({ name }) => name)).toEqual(["bullmq", "keiyaku", "public"]);
  });

  it("leaves the schema public as it was", async () => {
    const [row] = await store.sql`select
      (select count(*)::int from pg_class where relnamespace = 'public'::regnamespace) as relations,
      (select count(*)::int from pg_proc where pronamespace = 'public'::regnamespace) as functions,
      (select count(*)::int from pg_type where typnamespace = 'public'::regnamespace) as types`;
    expect(row).toEqual({ relations: 0, functions: 0, types: 0 });
  });
});
