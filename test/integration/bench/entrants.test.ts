import { afterAll, beforeAll, expect, test } from "vitest";
import { checkConfirmations, confirmBare, prepareConfirmations } from "../../../bench/confirmations.ts";
import { statementForEach, statementForMany } from "../../../bench/entrants/bare-statements.ts";
import { bullEntrant } from "../../../bench/entrants/bull-side.ts";
import { openBullmq } from "../../../bench/entrants/bullmq.ts";
import type { Entrant } from "../../../bench/entrants/entrant.ts";
import { graphileWorker } from "../../../bench/entrants/graphile-worker.ts";
import { openKeiyaku } from "../../../bench/entrants/keiyaku.ts";
import { pgBoss } from "../../../bench/entrants/pg-boss.ts";
import { type BenchServers, openSql } from "../../../bench/servers.ts";
import type { OperationRequest } from "../../../src/contract/operation.ts";
import { addressOf, createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
let servers: BenchServers;

beforeAll(async () => {
  store = await createTestStore();
  servers = {
    databaseUrl: store.url,
    address: addressOf(store.url),
    redisUrl: undefined,
    sql: openSql(store.url),
    pids: { postgres: process.pid, redis: undefined },
    stop: async () => undefined,
  };
});

afterAll(async () => {
  await servers.sql.end({ timeout: 1 });
  await store.close();
});

/** More than a batch of most, and more than each has at work at a time. */
const operations = 220;

async function carryOut(entrant: Entrant): Promise<readonly OperationRequest[]> {
  const requests = await prepareConfirmations(servers.sql, operations);
  const waiting = await entrant.enqueue(requests);
  await waiting.drain();
  await waiting.close();
  await checkConfirmations(servers.sql, requests);
  return requests;
}

/** Everything that one request left behind, but for names and times. */
async function rowsOf({ id, contractId }: OperationRequest): Promise<unknown> {
  const [row] = await servers.sql`select
      (select to_jsonb(o) - '{id,sequence,contract_id,requested_at,taken_at,accepted_at,touched_at,concluded_at,content_hash}'::text[]
        from keiyaku.operations o where id = ${id}) as operation,
      (select num_nulls(requested_at, taken_at, accepted_at, touched_at, concluded_at)
        from keiyaku.operations o where id = ${id}) as lacking,
      (select to_jsonb(c) - '{id,created_at,updated_at,changed_by_operation_id}'::text[]
        from keiyaku.contracts c where id = ${contractId}) as contract,
      (select jsonb_agg(to_jsonb(p) - '{id,contract_id,paid_at}'::text[] order by id)
        from keiyaku.payments p where contract_id = ${contractId}) as payments,
      (select jsonb_agg(to_jsonb(l) - '{contract_id,payment_id,granted_at}'::text[]
          || jsonb_build_object('of', split_part(payment_id, ':', 2)))
        from keiyaku.licenses l where contract_id = ${contractId}) as licenses`;
  return row;
}

const onPostgres = () => ({ type: "postgres", address: servers.address }) as const;

const others: readonly (readonly [name: string, entrant: () => Entrant])[] = [
  ["BullMQ", () => bullEntrant("bullmq", () => openBullmq(servers, onPostgres()))],
  ["pg-boss with a statement for each", () => pgBoss(servers, "each")],
  ["pg-boss with a statement for a batch", () => pgBoss(servers, "together")],
  ["graphile-worker", () => graphileWorker(servers)],
  ["a statement for each", () => statementForEach(servers)],
  ["a statement for many", () => statementForMany(servers)],
];

test.each(others)("%s leaves the rows that keiyaku leaves", async (_, entrant) => {
  const keiyaku = bullEntrant("keiyaku", () => openKeiyaku(servers, onPostgres()));
  const [ours] = await carryOut(keiyaku);
  const requests = await carryOut(entrant());
  const [theirs] = requests;
  if (ours === undefined || theirs === undefined) throw new Error("there are no requests");
  expect(await rowsOf(theirs)).toEqual(await rowsOf(ours));
});

test("work that is missing, or was done twice, is no result", async () => {
  const { sql } = servers;
  const requests = await prepareConfirmations(sql, 3);
  for (const request of requests.slice(1)) await confirmBare(sql, request);
  await expect(checkConfirmations(sql, requests)).rejects.toThrow(
    'Not all was carried out, or not once: {"operations":2,"contracts":2,"payments":4,"licenses":2}',
  );
  if (requests[0] !== undefined) await confirmBare(sql, requests[0]);
  await checkConfirmations(sql, requests);
  await sql`update keiyaku.contracts set version = version + 1 where id = ${requests[0]?.contractId ?? ""}`;
  await expect(checkConfirmations(sql, requests)).rejects.toThrow('"contracts":2');
});
