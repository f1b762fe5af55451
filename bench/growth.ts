import { randomInt } from "node:crypto";
import type postgres from "postgres";
import { v7 as uuidV7 } from "uuid";
import { type DatabaseOptions as DatabaseAddress, parseDatabaseUrl } from "../src/database-url.ts";
import type { QueueBackend } from "../src/queue/queue-backend.ts";
import { migrate } from "../src/store/migrate.ts";
import { checkConfirmations, confirmationOf, insertProductAndCustomer } from "./confirmations.ts";
import { bullEntrant } from "./entrants/bull-side.ts";
import { openKeiyaku } from "./entrants/keiyaku.ts";
import { against, type BenchResult, measureAll, median, type Rounds, type Row } from "./measure.ts";
import { type BenchServers, openSql } from "./servers.ts";

/** Operations that a contract of some years has had. */
const operationsOfContract = 5;

/** How many times smaller than the largest each is. */
const divisors = [100, 10, 1];

/** As many in a round as the other benches of the whole way carry out; no more than there are contracts. */
const operationsMax = 4_000;

/** Somebody else's contracts in a database of their own. */
interface Grown {
  readonly contracts: number;
  readonly address: DatabaseAddress;
  readonly sql: postgres.Sql;
}

/**
 * Operations a second as contracts and the ledger grow: the same `confirm_payment` on contracts picked by chance among ten
 * thousand, a hundred thousand and a million, with five operations of each in the ledger. A database for each size, each
 * measured in each round, so that nothing but the size differs.
 *
 * Each size is measured twice a round: with its pages touched since the last checkpoint, as most are while work goes on,
 * and right after one, when PostgreSQL writes each page that it touches into its log as a whole.
 */
export function growth(
  servers: BenchServers,
  backend: QueueBackend,
  { ledger, rounds }: { readonly ledger: number; readonly rounds: number },
): Row {
  const sizes = divisors.map((divisor) => Math.round(ledger / operationsOfContract / divisor));
  const operations = Math.min(operationsMax, ...sizes);
  return {
    name: "growth",
    async run(report) {
      const grown: Grown[] = [];
      const logBytes = new Map<string, number[]>();
      try {
        for (const contracts of sizes) {
          grown.push(await grow(servers, contracts));
          report(`growth: ${contracts} contracts with ${contracts * operationsOfContract} operations are there`);
        }
        const contestants = grown.flatMap((size) =>
          [false, true].map((afterCheckpoint) => {
            const name = nameOf(size.contracts, afterCheckpoint);
            return {
              name,
              async run(round: number) {
                const { rate, walBytes } = await confirmSome(size, backend, operations, afterCheckpoint);
                if (round > 0) logBytes.set(name, [...(logBytes.get(name) ?? []), walBytes / operations]);
                return rate;
              },
            };
          }),
        );
        const figures = await measureAll(contestants, rounds, report);
        const bytes = await Promise.all(
          grown.map(async ({ sql, contracts }) => [contracts, await ledgerBytes(sql)] as const),
        );
        return resultsOf(figures, logBytes, new Map(bytes), operations);
      } finally {
        for (const { sql, address } of grown) {
          await sql.end({ timeout: 1 });
          await servers.sql`drop database ${servers.sql(address.database)} with (force)`;
        }
      }
    },
  };
}

function nameOf(contracts: number, afterCheckpoint: boolean): string {
  return `growth.${contracts}${afterCheckpoint ? ".after_checkpoint" : ""}`;
}

/** The row of the largest against the smallest; and one of each other size, and of each after a checkpoint, against the same. */
export function resultsOf(
  figures: Rounds,
  logBytes: Rounds,
  ledgers: ReadonlyMap<number, LedgerBytes>,
  operations: number,
): readonly BenchResult[] {
  const sizes = [...ledgers.keys()];
  const most = Math.max(...sizes);
  const smallest = nameOf(Math.min(...sizes), false);
  const largest = nameOf(most, false);
  const unit = "operations/s";
  const notesOf = (name: string) => ({ operations, walBytes: median(logBytes.get(name) ?? []) });
  return [
    {
      name: "growth",
      unit,
      ...against(figures, largest, smallest),
      notes: { ...notesOf(largest), ...ledgers.get(most) },
    },
    ...[...figures.keys()].map((name) => ({ name, unit, ...against(figures, name, smallest), notes: notesOf(name) })),
  ];
}

/** Makes a database with so many contracts that were paid for, and their history. */
async function grow(servers: BenchServers, contracts: number): Promise<Grown> {
  const database = `growth_${contracts}`;
  await servers.sql`create database ${servers.sql(database)}`;
  const url = new URL(servers.databaseUrl);
  url.pathname = database;
  const parsed = parseDatabaseUrl(url.href);
  if (parsed.type === "mistaken") throw new Error(parsed.mistakes.join(" "));
  await migrate({ address: parsed.options });
  const sql = openSql(url.href);
  await insertProductAndCustomer(sql);
  await sql.begin(async (transaction) => {
    // Foreign keys need no check: what they point to is inserted by the statement before.
    await transaction`set local session_replication_role = replica`;
    await insertContracts(transaction, contracts);
    await insertHistory(transaction);
  });
  await sql`vacuum (analyze)`;
  await sql`checkpoint`;
  return { contracts, address: parsed.options, sql };
}

/** In the order of their ids, which are without order otherwise: so indexes are filled from left to right, and chosen at any place. */
async function insertContracts(sql: postgres.TransactionSql, contracts: number): Promise<void> {
  await sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
      price_minor, initial_fee_minor, special_months, start_on, version, changed_by_operation_id)
    select md5(n::text), 'course', 'c', 'one_time', 'bank_transfer', 'application', 'established', 'jpy', 19800, 3000, 0,
      '2024-10-08', 2, 'bench' from generate_series(1, ${contracts}::integer) as n order by md5(n::text)`;
  await sql`insert into keiyaku.payments (id, contract_id, subject, amount_minor, state, paid_at)
    select c.id || ':' || subject, c.id, subject::keiyaku.payment_subject, amount, 'paid', now()
    from keiyaku.contracts c, (values ('initial_fee', 3000), ('one_time_price', 19800)) as paid(subject, amount)
    order by c.id, subject`;
  await sql`insert into keiyaku.licenses (payment_id, contract_id)
    select c.id || ':one_time_price', c.id from keiyaku.contracts c order by c.id`;
}

/** Operations with ids that follow time, as the command line and the client make them: each contract's first, then each one's second. */
async function insertHistory(sql: postgres.TransactionSql): Promise<void> {
  for (let nth = 1; nth <= operationsOfContract; nth += 1) {
    await sql`insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at, taken_at,
        accepted_at, content_hash, state, attempt, attempts_counted, touched_at, outcome, concluded_at)
      select uuidv7()::text, 'confirm_payment', id, 'operator', 'bench', '{}', now(), now(), now(), repeat('0', 64),
        'succeeded', 1, 1, now(), '{"attention": [], "statusAfter": "established", "statusBefore": "awaiting_payment"}', now()
      from (select id from keiyaku.contracts order by id) as c`;
  }
}

/** Has some contracts, picked by chance, wait for their payment again, and confirms it. */
async function confirmSome(
  { contracts, address, sql }: Grown,
  backend: QueueBackend,
  operations: number,
  afterCheckpoint: boolean,
): Promise<{ readonly rate: number; readonly walBytes: number }> {
  if (!afterCheckpoint) await sql`checkpoint`;
  const requests = await makeDue(sql, contracts, operations);
  if (afterCheckpoint) await sql`checkpoint`;
  const queue: QueueBackend = backend.type === "redis" ? backend : { type: "postgres", address };
  const waiting = await bullEntrant("growth", () => openKeiyaku({ address }, queue)).enqueue(requests);
  const before = await walBytesOf(sql);
  const seconds = await waiting.drain();
  const walBytes = (await walBytesOf(sql)) - before;
  await waiting.close();
  await checkConfirmations(sql, requests);
  return { rate: operations / seconds, walBytes };
}

async function makeDue(sql: postgres.Sql, contracts: number, operations: number): Promise<OperationRequests> {
  const numbers = new Set<number>();
  while (numbers.size < operations) numbers.add(randomInt(1, contracts + 1));
  const chosen = JSON.stringify([...numbers]);
  await sql`with chosen as materialized (select md5(n) as id from jsonb_array_elements_text(${chosen}::text::jsonb) as n),
    payments as (
      update keiyaku.payments p set state = 'due', paid_at = null from chosen where p.contract_id = chosen.id),
    licenses as (delete from keiyaku.licenses l using chosen where l.contract_id = chosen.id)
    update keiyaku.contracts c set status = 'awaiting_payment', version = 1 from chosen where c.id = chosen.id`;
  await sql`vacuum keiyaku.contracts, keiyaku.payments, keiyaku.licenses`;
  const rows = await sql<
    { id: string }[]
  >`select md5(n) as id from jsonb_array_elements_text(${chosen}::text::jsonb) as n`;
  return rows.map(({ id }) => confirmationOf(uuidV7(), id));
}

type OperationRequests = ReturnType<typeof confirmationOf>[];

/** What an operation of the ledger takes on the disk, and a contract with its payments and its license, indexes included. */
interface LedgerBytes {
  readonly rowBytes: number;
  readonly indexBytes: number;
  readonly contractBytes: number;
}

async function ledgerBytes(sql: postgres.Sql): Promise<LedgerBytes> {
  const [row] = await sql`select pg_table_size('keiyaku.operations')::float8 / operations as "rowBytes",
      pg_indexes_size('keiyaku.operations')::float8 / operations as "indexBytes",
      (pg_total_relation_size('keiyaku.contracts') + pg_total_relation_size('keiyaku.payments')
        + pg_total_relation_size('keiyaku.licenses'))::float8 / contracts as "contractBytes"
    from (select (select count(*) from keiyaku.operations)::float8 as operations,
      (select count(*) from keiyaku.contracts)::float8 as contracts) as counted`;
  return {
    rowBytes: Number(row?.rowBytes),
    indexBytes: Number(row?.indexBytes),
    contractBytes: Number(row?.contractBytes),
  };
}

async function walBytesOf(sql: postgres.Sql): Promise<number> {
  const [row] = await sql`select (pg_current_wal_insert_lsn() - '0/0')::float8 as bytes`;
  return Number(row?.bytes);
}
