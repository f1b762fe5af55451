import type { QueueBackend } from "../src/queue/queue-backend.ts";
import { checkConfirmations, prepareConfirmations } from "./confirmations.ts";
import { type BullSide, bullEntrant } from "./entrants/bull-side.ts";
import { openBullmq } from "./entrants/bullmq.ts";
import { concurrency, openKeiyaku } from "./entrants/keiyaku.ts";
import type { Row } from "./measure.ts";
import { profileProcessor } from "./processor-profile.ts";
import { processorSeconds } from "./processor-time.ts";
import { readServerWork, type ServerWork, sizesOf, untilGone, workBetween } from "./server-work.ts";
import { type BenchServers, openSql, startBenchServers } from "./servers.ts";

/** Of those that are carried out together, so many are carried out one at a time: that takes a third as long again. */
const aloneShare = 8;

/**
 * Where the time of `confirm_payment` on Redis goes: what each statement costs PostgreSQL, what its tables and its
 * log grow by, and what the worker's process spends on what. On a PostgreSQL of its own, which counts statements.
 *
 * The figure is PostgreSQL's execution time for one operation while nothing else is at work, against that of the bare
 * handler's statement: with many at work, a statement's time is mostly that of waiting for a processor. Everything else is
 * taken while as many are at work as everywhere.
 */
export function profile(operations: number): Row {
  return {
    name: "profile",
    async run(report) {
      const servers = await startBenchServers({ watched: true });
      try {
        const backend: QueueBackend =
          servers.redisUrl === undefined
            ? { type: "postgres", address: servers.address }
            : { type: "redis", url: servers.redisUrl };
        const ours = await watchBoth(servers, (own) => openKeiyaku(own, backend), operations);
        const bare = await watchBoth(servers, (own) => openBullmq(own, backend), operations);
        for (const line of [...linesOf("keiyaku", ours), ...linesOf("bare", bare)]) report(line);
        const figure = ours.alone.work.executionMs / ours.alone.operations;
        const baseline = bare.alone.work.executionMs / bare.alone.operations;
        return {
          name: "profile",
          unit: "ms of PostgreSQL/operation",
          median: figure,
          min: figure,
          max: figure,
          baseline,
          ratio: figure / baseline,
          notes: { operations, ...notesOf("", ours.together), ...notesOf("bare_", bare.together) },
        };
      } finally {
        await servers.stop();
      }
    },
  };
}

interface Both {
  readonly together: Watched;
  readonly alone: Watched;
}

async function watchBoth(
  servers: BenchServers,
  open: (own: BenchServers) => Promise<BullSide>,
  operations: number,
): Promise<Both> {
  const together = await watch(servers, open, operations, concurrency);
  return { together, alone: await watch(servers, open, Math.ceil(operations / aloneShare), 1) };
}

interface Watched {
  readonly operations: number;
  readonly seconds: number;
  readonly work: ServerWork;
  readonly heapBytes: number;
  readonly indexBytes: number;
  readonly ownSeconds: number;
  readonly postgresSeconds: number | null;
  readonly redisSeconds: number | null;
  /** Share of the worker's busy time by whose code it was, the greatest first. */
  readonly shares: readonly (readonly [owner: string, share: number])[];
}

async function watch(
  servers: BenchServers,
  open: (own: BenchServers) => Promise<BullSide>,
  operations: number,
  atOnce: number,
): Promise<Watched> {
  const { sql, pids } = servers;
  const own = { ...servers, sql: openSql(servers.databaseUrl, ofWorkers) };
  const entrant = bullEntrant("watched", () => open(own), atOnce);
  // Connections, plans and code that is hot belong to no single operation.
  const warmUp = await entrant.enqueue(await prepareConfirmations(sql, Math.ceil(operations / 4)));
  await warmUp.drain();
  await warmUp.close();
  await untilGone(sql, ofKeiyaku);

  await sql`truncate keiyaku.contracts, keiyaku.operations cascade`;
  const requests = await prepareConfirmations(sql, operations);
  const waiting = await entrant.enqueue(requests);
  const sizes = await sizesOf(sql);
  await sql`select pg_stat_statements_reset()`;
  const before = await readServerWork(sql);
  const used = await usedSoFar(pids);
  const { result: seconds, shares } = await profileProcessor(waiting.drain);
  const usedThen = await usedSoFar(pids);
  await waiting.close();
  await own.sql.end();
  await untilGone(sql, ofKeiyaku);
  await untilGone(sql, ofWorkers);
  const work = workBetween(before, await readServerWork(sql));
  const after = await sizesOf(sql);
  await checkConfirmations(sql, requests);
  return {
    operations,
    seconds,
    work,
    heapBytes: after.heap - sizes.heap,
    indexBytes: after.indexes - sizes.indexes,
    ownSeconds: usedThen.own - used.own,
    postgresSeconds: since(used.postgres, usedThen.postgres),
    redisSeconds: since(used.redis, usedThen.redis),
    shares,
  };
}

/** How the connections that are watched call themselves: keiyaku's, and the bare handler's. */
const ofKeiyaku = "bench";
const ofWorkers = "keiyaku-bench-workers";

/** Seconds of processor time: of this process, in which the worker is, and of the servers. */
async function usedSoFar({ postgres, redis }: BenchServers["pids"]) {
  const { user, system } = process.cpuUsage();
  return {
    own: (user + system) / 1e6,
    postgres: await processorSeconds(postgres),
    redis: redis === undefined ? null : await processorSeconds(redis),
  };
}

function since(before: number | null, after: number | null): number | null {
  return before === null || after === null ? null : after - before;
}

function notesOf(prefix: string, watched: Watched) {
  const { operations, work, seconds, ownSeconds, postgresSeconds, redisSeconds } = watched;
  const each = (figure: number) => figure / operations;
  const ms = (figure: number | null) => (figure === null ? null : each(figure * 1_000));
  return Object.fromEntries(
    Object.entries({
      statements: each(work.calls),
      commits: each(work.commits),
      walBytes: each(work.walBytes),
      fullPageImages: each(work.fullPageImages),
      walSyncs: each(work.walSyncs),
      heapBytes: each(watched.heapBytes),
      indexBytes: each(watched.indexBytes),
      workerMs: ms(ownSeconds),
      postgresMs: ms(postgresSeconds),
      redisMs: ms(redisSeconds),
      wallMs: each(seconds * 1_000),
    }).map(([note, figure]) => [`${prefix}${note}`, figure]),
  );
}

function linesOf(name: string, { alone, together }: Both): readonly string[] {
  return [
    `${name}: of PostgreSQL for each operation, one at a time`,
    ...alone.work.statements.map(
      ({ isSent, calls, executionMs, leastMs, walBytes, text }) =>
        `  ${isSent ? "" : "  in a function: "}${(calls / alone.operations).toFixed(2)} × ${(executionMs / calls).toFixed(3)} ms (the quickest ${leastMs.toFixed(3)}), ` +
        `${(walBytes / alone.operations).toFixed(0)} bytes of log: ${text}`,
    ),
    `${name}: of the worker's busy time`,
    ...together.shares
      .filter(([, share]) => share >= 0.005)
      .map(([owner, share]) => `  ${(share * 100).toFixed(1)} % ${owner}`),
  ];
}
