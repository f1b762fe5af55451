import { parseArgs } from "node:util";
import { confirmPayment } from "./confirm-payment.ts";
import { type BenchResult, type Contest, measure } from "./measure.ts";
import { startBenchServers } from "./servers.ts";

/**
 * `npm run bench [-- NAME …] [--json] [--rounds N] [--operations N]`: measures, and prints each figure beside that of a
 * baseline of the same run. With names, runs those rows only; `confirm_payment` names both of its rows.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    operations: { type: "string", default: "4000" },
  },
});

const servers = await startBenchServers();
try {
  const operations = Number(values.operations);
  const contests: Contest[] = [confirmPayment(servers, { type: "postgres", address: servers.address }, operations)];
  if (servers.redisUrl === undefined) console.error("There is no redis-server on this machine: its rows are left out.");
  else contests.unshift(confirmPayment(servers, { type: "redis", url: servers.redisUrl }, operations));

  const chosen = contests.filter(
    ({ name }) => positionals.length === 0 || positionals.some((wanted) => name.startsWith(wanted)),
  );
  if (chosen.length === 0) {
    console.error(
      `There is no row ${positionals.join(", ")}; there are ${contests.map(({ name }) => name).join(", ")}.`,
    );
    process.exitCode = 2;
  }
  const results: BenchResult[] = [];
  for (const contest of chosen)
    results.push(await measure(contest, Number(values.rounds), (line) => console.error(line)));
  console.log(values.json ? JSON.stringify({ results }) : table(results));
} finally {
  await servers.stop();
}

function table(results: readonly BenchResult[]): string {
  const lines = results.map(({ name, unit, median, min, max, baseline, ratio }) =>
    [
      name.padEnd(26),
      `${median.toFixed(0)} ${unit} (${min.toFixed(0)} to ${max.toFixed(0)})`.padEnd(42),
      `bare ${baseline.toFixed(0)}`.padEnd(12),
      `ratio ${ratio.toFixed(2)}`,
    ].join("  "),
  );
  return lines.join("\n");
}
