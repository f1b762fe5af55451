import { tmpdir } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { findRedisServer } from "../support/redis-server.ts";
import { runChaos } from "./run.ts";
import { type QueueType, queueTypes } from "./schedule.ts";

/**
 * `npm run chaos -- [--seconds N] [--seed N] [--queue redis|postgres] [--artefacts FOLDER]`: hurts a whole installation in
 * every way that is known, lets it heal, and judges what came of it. Prints its seed first. Ends with 1 when something did not hold.
 */
interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly queue: QueueType;
  readonly artefacts: string;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("must be a whole number.");
  return number;
}

const command = new Command("chaos")
  .description("hurts a whole installation, lets it heal, and judges what came of it")
  .option("--seconds <n>", "how long it is hurt", wholeNumber, 60)
  .option("--seed <n>", "from which the faults are drawn", wholeNumber, Math.floor(Math.random() * 1_000_000))
  .addOption(new Option("--queue <where>", "where the queue lives").choices(queueTypes).default("postgres"))
  .option("--artefacts <folder>", "where a failing run leaves what it has seen", tmpdir())
  .parse();
const options = command.opts<Options>();
if (options.seconds < 10) command.error("A run of less than 10 s shows nothing.", { exitCode: 2 });
if (options.queue === "redis" && findRedisServer() === undefined) {
  command.error("There is no redis-server on the PATH: give --queue postgres.", { exitCode: 2 });
}

// A run that is broken off leaves no process behind.
const breaking = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => breaking.abort(new Error(signal)));
process.once("uncaughtException", (error) => breaking.abort(error));

const began = performance.now();
console.log(`chaos: seed ${options.seed}, ${options.seconds} s, queue on ${options.queue}`);
const say = (line: string) => console.log(line);
const failures = await runChaos({ ...options, say, breaking: breaking.signal }).catch(() => ["it came to no verdict"]);
const took = `${((performance.now() - began) / 1_000).toFixed(0)} s`;
console.log(
  failures.length === 0
    ? `chaos: passed in ${took} (seed ${options.seed})`
    : [`chaos: FAILED in ${took} (seed ${options.seed})`, ...failures.map((failure) => `  ${failure}`)].join("\n"),
);
// Whatever may still be open, such as a connection that looks for its server, is no reason to stay.
process.exit(failures.length === 0 ? 0 : 1);
