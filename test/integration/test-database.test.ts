import postgres from "postgres";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { cloneDatabase, createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";

function connectTo({ url }: { url: string }): postgres.Sql {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  onTestFinished(() => sql.end({ timeout: 1 }));
  return sql;
}

function dropAfterwards(database: TestDatabase): TestDatabase {
  onTestFinished(() => database.drop());
  return database;
}

async function countTables(database: TestDatabase): Promise<number> {
  const [row] = await connectTo(database)<{ count: number }[]>`
    select count(*)::int as count from information_schema.tables where table_schema = 'keiyaku'`;
  return row?.count ?? 0;
}

describe("createTestDatabase", () => {
  it("gives each of several callers at once a migrated database of its own", async () => {
    const made = await Promise.all([createTestDatabase(), createTestDatabase(), createTestDatabase()]);
    const databases = made.map(dropAfterwards);

    expect(new Set(databases.map(({ name }) => name)).size).toBe(3);
    for (const database of databases) expect(await countTables(database)).toBeGreaterThan(5);
  });

  it("drops a database to which somebody is still connected", async () => {
    const database = await createTestDatabase();
    const sql = connectTo(database);
    await sql`select 1`;
    await database.drop();

    const maintainer = connectTo({ url: inject("postgresUrl") });
    expect(await maintainer`select 1 from pg_database where datname = ${database.name}`).toHaveLength(0);
  });
});

describe("createEmptyDatabase", () => {
  it("gives a database without any table of ours", async () => {
    expect(await countTables(dropAfterwards(await createEmptyDatabase()))).toBe(0);
  });
});

describe("cloneDatabase", () => {
  it("waits until nobody is connected to the template", async () => {
    const template = dropAfterwards(await createEmptyDatabase());
    const somebody = connectTo(template);
    await somebody`create table kept as select 7 as seven`;
    const cloning = cloneDatabase(template.name);
    // The server itself waits five seconds for the somebody to leave before it refuses; leaving comes after a refusal.
    const left = new Promise((resolve) => setTimeout(resolve, 5_500)).then(() => somebody.end());

    const clone = dropAfterwards(await cloning);
    await left;
    expect(await connectTo(clone)`select seven from kept`).toEqual([{ seven: 7 }]);
  });
});
