import type { QueueBackend } from "../src/queue/queue-backend.ts";
import { checkConfirmations, prepareConfirmations } from "./confirmations.ts";
import { statementForEach, statementForMany } from "./entrants/bare-statements.ts";
import { bullEntrant } from "./entrants/bull-side.ts";
import { advisedConcurrency, openBullmq } from "./entrants/bullmq.ts";
import type { Entrant } from "./entrants/entrant.ts";
import { graphileWorker } from "./entrants/graphile-worker.ts";
import { openKeiyaku } from "./entrants/keiyaku.ts";
import { pgBoss } from "./entrants/pg-boss.ts";
import { against, type BenchResult, greatest, measureAll, type Rounds, type Row } from "./measure.ts";
import type { BenchServers } from "./servers.ts";

const unit = "operations/s";
const ours = "keiyaku";
const bounds = ["bound_each", "bound_together"];

/** The warm-up reaches every code path and connection in less than a full round. */
const warmUpShare = 10;

/**
 * Operations a second for `confirm_payment`, all waiting when the clock starts: keiyaku against bare handlers on the queues
 * that it could be written on, same rows, same PostgreSQL, same number at work; and against the rows without a queue.
 *
 * Each comes in each round, on tables that hold only that round's contracts, vacuumed, right after a checkpoint.
 */
export function peers(
  servers: BenchServers,
  onRedis: QueueBackend,
  onPostgres: QueueBackend,
  operations: number,
  rounds: number,
): Row {
  const entrants = [
    bullEntrant(ours, () => openKeiyaku(servers, onRedis)),
    bullEntrant("keiyaku_postgres", () => openKeiyaku(servers, onPostgres)),
    bullEntrant("bullmq_redis", () => openBullmq(servers, onRedis), advisedConcurrency),
    bullEntrant("bullmq_postgres", () => openBullmq(servers, onPostgres), advisedConcurrency),
    pgBoss(servers, "each"),
    pgBoss(servers, "together"),
    graphileWorker(servers),
    statementForEach(servers),
    statementForMany(servers),
  ];
  return {
    name: "peers",
    async run(report) {
      const contestants = entrants.map((entrant) => ({
        name: `peers.${entrant.name}`,
        run: (round: number) =>
          rateOf(servers, entrant, round === 0 ? Math.ceil(operations / warmUpShare) : operations),
      }));
      return resultsOf(await measureAll(contestants, rounds, report), operations);
    },
  };
}

/** How many operations a second an entrant carries out. Throws unless it carried out all, once. */
async function rateOf({ sql }: BenchServers, entrant: Entrant, operations: number): Promise<number> {
  await sql`truncate keiyaku.contracts, keiyaku.operations cascade`;
  const requests = await prepareConfirmations(sql, operations);
  const waiting = await entrant.enqueue(requests);
  // Queues on PostgreSQL have just been filled, and emptied in the round before.
  await sql`vacuum (analyze)`;
  await sql`checkpoint`;
  const seconds = await waiting.drain();
  await waiting.close();
  await checkConfirmations(sql, requests);
  return operations / seconds;
}

/** The row of keiyaku on Redis against the fastest peer, and one of everybody else, against the same. */
export function resultsOf(rounds: Rounds, operations: number): readonly BenchResult[] {
  const names = [...rounds.keys()];
  const own = `peers.${ours}`;
  const isPeer = (name: string) => !name.startsWith(own) && !bounds.some((boundName) => name === `peers.${boundName}`);
  const fastest = greatest(rounds, names.filter(isPeer));
  const others = names.filter((name) => name !== own);
  return [
    {
      name: "peers",
      unit,
      ...against(rounds, own, fastest),
      notes: {
        operations,
        ...Object.fromEntries(others.map((name) => [`of_${name.slice(6)}`, against(rounds, own, name).ratio])),
      },
    },
    ...others.map((name) => ({ name, unit, ...against(rounds, name, fastest) })),
  ];
}
