import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

/** A role of a producer that was granted the ledger's door and nothing else, and a connection as this role. */
let store: TestStore;
let producer: postgres.Sql;
const role = `producer_${randomUUID().replaceAll("-", "")}`;

beforeAll(async () => {
  store = await createTestStore();
  await store.sql.unsafe(`create role ${role} login`);
  await store.sql.unsafe(`grant usage on schema keiyaku to ${role}`);
  await store.sql.unsafe(`grant execute on function keiyaku.request(jsonb) to ${role}`);
  const url = new URL(store.url);
  url.username = role;
  producer = postgres(url.href, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await producer.end();
  await store.sql.unsafe(`drop owned by ${role}`);
  await store.sql.unsafe(`drop role ${role}`);
  await store.close();
});

const request = (id: string) => ({ id, kind: "suspend", contractId: "c-1", actor: { type: "service", id: "shop" } });
const ask = async (asked: object) =>
  (await producer`select keiyaku.request(${producer.json(asked as postgres.JSONValue)}) as answer`)[0]?.answer;

/** SQLSTATE insufficient_privilege. */
const forbidden = { code: "42501" };

describe("a role that may only execute keiyaku.request", () => {
  it("can have requests accepted, repeated and refused", async () => {
    expect(await ask(request("op-1"))).toMatchObject({ answer: "accepted", operation: { id: "op-1" } });
    expect(await ask(request("op-1"))).toMatchObject({ answer: "duplicate" });
    expect(await ask({ ...request("op-1"), reason: "other" })).toMatchObject({ answer: "id_reused" });
    expect(await ask({ ...request("op-2"), kind: "explode" })).toMatchObject({
      answer: "invalid_request",
      field: "kind",
    });
    expect(await store.sql`select id from keiyaku.operations`).toEqual([{ id: "op-1" }]);
    expect(await store.sql`select code from keiyaku.refused_requests order by id`).toEqual([
      { code: "id_reused" },
      { code: "invalid_request" },
    ]);
  });

  it("can neither read nor write any table", async () => {
    const tables = await store.sql<{ name: string }[]>`select relname as name from pg_class
      where relnamespace = 'keiyaku'::regnamespace and relkind = 'r'`;
    expect(tables.length).toBeGreaterThan(10);
    for (const { name } of tables) {
      await expect(producer`select from keiyaku.${producer(name)}`).rejects.toMatchObject(forbidden);
      await expect(producer`delete from keiyaku.${producer(name)}`).rejects.toMatchObject(forbidden);
      await expect(producer`insert into keiyaku.${producer(name)} default values`).rejects.toMatchObject(forbidden);
    }
  });

  it("can execute no other function of ours", async () => {
    const functions = await store.sql<{ name: string }[]>`select oid::regprocedure::text as name from pg_proc
      where pronamespace = 'keiyaku'::regnamespace and has_function_privilege(${role}, oid, 'execute')`;
    expect(functions).toEqual([{ name: "keiyaku.request(jsonb)" }]);
    const refuse = producer`select keiyaku.refuse('op-9', 'c-1', 'id_reused', 'id', 'made up', '{}', 2, ${"0".repeat(64)})`;
    await expect(refuse).rejects.toMatchObject(forbidden);
  });

  it("cannot have functions of its own run with the owner's rights by putting them in front", async () => {
    await store.sql.unsafe(`create schema trap authorization ${role}`);
    const trap = "language plpgsql as $$ begin raise exception 'trapped as %', current_user; end $$";
    await producer.unsafe(`create function trap.jsonb_typeof(jsonb) returns text ${trap}`);
    await producer.unsafe(`create function trap.octet_length(text) returns integer ${trap}`);
    await producer.unsafe(`create function trap.encode(bytea, text) returns text ${trap}`);
    await producer
      .unsafe(`create function trap.jsonb_build_object(variadic "any") returns jsonb ${trap}`)
      .catch(() => undefined);
    await producer.unsafe("create temporary table operations (id text)");
    await producer`set search_path = trap, pg_temp, keiyaku, pg_catalog`;
    await expect(producer`select jsonb_typeof('{}'::jsonb)`).rejects.toThrow("trapped");

    expect(await ask(request("op-3"))).toMatchObject({ answer: "accepted" });
    expect(await ask({ ...request("op-4"), kind: "explode" })).toMatchObject({ answer: "invalid_request" });
    await producer`reset search_path`;
  });

  it("is nobody: without the grants the same role could not do even that", async () => {
    const url = new URL(store.url);
    const stranger = `stranger_${randomUUID().replaceAll("-", "")}`;
    await store.sql.unsafe(`create role ${stranger} login`);
    url.username = stranger;
    const sql = postgres(url.href, { max: 1 });
    try {
      const asking = sql`select keiyaku.request(${sql.json(request("op-5"))})`;
      await expect(asking).rejects.toMatchObject(forbidden);
      await store.sql.unsafe(`grant usage on schema keiyaku to ${stranger}`);
      await expect(sql`select keiyaku.request(${sql.json(request("op-5"))})`).rejects.toMatchObject(forbidden);
    } finally {
      await sql.end();
      await store.sql.unsafe(`drop owned by ${stranger}`);
      await store.sql.unsafe(`drop role ${stranger}`);
    }
  });
});
