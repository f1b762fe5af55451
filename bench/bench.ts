import { parseArgs } from "node:util";
import type { QueueBackend } from "../src/queue/queue-backend.ts";
import { auditScale } from "./audit-scale.ts";
import { confirmPayment } from "./confirm-payment.ts";
import { dueScale } from "./due-scale.ts";
import { eventsApplied, eventsTakenIn } from "./events-storm.ts";
import { growth } from "./growth.ts";
import { latency } from "./latency.ts";
import { type BenchResult, type Contest, measure, type Row } from "./measure.ts";
import { peers } from "./peers.ts";
import { processes } from "./processes.ts";
import { profile } from "./profile.ts";
import { refundLimited } from "./refund-limited.ts";
import { startBenchServers } from "./servers.ts";
import { start } from "./start.ts";

/**
 * `npm run bench [-- NAME …] [--json] [--rounds N] [--operations N]`: measures, and prints each figure beside that of a
 * baseline of the same run. With names, runs those rows only; `confirm_payment` names both of its rows.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    operations: { type: "string" },
  },
});

const servers = await startBenchServers();
try {
  const operations = (byDefault: number) => Number(values.operations ?? byDefault);
  const rounds = Number(values.rounds);
  const onPostgres: QueueBackend = { type: "postgres", address: servers.address };
  const onRedis: QueueBackend | undefined =
    servers.redisUrl === undefined ? undefined : { type: "redis", url: servers.redisUrl };
  if (onRedis === undefined) console.error("There is no redis-server on this machine: its rows are left out.");

  const rows: Row[] = [
    ...(onRedis === undefined ? [] : [inRounds(confirmPayment(servers, onRedis, operations(4_000)))]),
    inRounds(confirmPayment(servers, onPostgres, operations(4_000))),
    ...(onRedis === undefined ? [] : [peers(servers, onRedis, onPostgres, operations(20_000), rounds)]),
    profile(operations(4_000)),
    latency(servers, onRedis ?? onPostgres, operations(6_000), rounds),
    growth(servers, onRedis ?? onPostgres, { ledger: operations(5_000_000), rounds }),
    processes(servers, onRedis ?? onPostgres, operations(4_000), rounds),
    start(servers, onRedis ?? onPostgres, operations(20_000), rounds),
    refundLimited(servers, onRedis ?? onPostgres, operations(2_000)),
    // Ten deliveries for each contract.
    inRounds(eventsTakenIn(servers, onRedis ?? onPostgres, operations(20_000) / 10)),
    eventsApplied(servers, onRedis ?? onPostgres, operations(20_000) / 10),
    // Thirty contracts for each that is due.
    ...dueScale(servers, onRedis ?? onPostgres, {
      contracts: Math.round((operations(33_000) * 1_000_000) / 33_000),
      due: operations(33_000),
    }),
    auditScale(servers, { contracts: operations(1_000_000) }),
  ];

  const chosen = rows.filter(
    ({ name }) => positionals.length === 0 || positionals.some((wanted) => name.startsWith(wanted)),
  );
  if (chosen.length === 0) {
    console.error(`There is no row ${positionals.join(", ")}; there are ${rows.map(({ name }) => name).join(", ")}.`);
    process.exitCode = 2;
  }
  const results: BenchResult[] = [];
  for (const row of chosen) {
    const ofRow = [await row.run((line) => console.error(line))].flat();
    // Each as soon as it is there: all of them take more than an hour.
    if (!values.json) for (const result of ofRow) console.log(lineOf(result));
    results.push(...ofRow);
  }
  if (values.json) console.log(JSON.stringify({ results }));
} finally {
  await servers.stop();
}

function inRounds(contest: Contest): Row {
  return { name: contest.name, run: (report) => measure(contest, Number(values.rounds), report) };
}

function lineOf({ name, unit, median, min, max, baseline, ratio, notes = {} }: BenchResult): string {
  return [
    name.padEnd(26),
    `${shown(median)} ${unit} (${shown(min)} to ${shown(max)})`.padEnd(42),
    `baseline ${shown(baseline)}`.padEnd(14),
    `ratio ${ratio.toFixed(2)}`,
    ...Object.entries(notes).map(
      ([note, figure]) => `${note} ${figure === null ? "unknown" : Number(figure.toFixed(2))}`,
    ),
  ].join("  ");
}

function shown(figure: number): string {
  return figure.toFixed(Math.abs(figure) < 10 ? 2 : 0);
}
