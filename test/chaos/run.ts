import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { leaveArtefacts } from "./artefacts.ts";
import { canaries, stripeKey } from "./canaries.ts";
import { Court } from "./court.ts";
import { heal } from "./heal.ts";
import { hurt } from "./hurt.ts";
import type { Evidence } from "./judge/evidence.ts";
import { type Leakable, readPlaces } from "./places.ts";
import { startProducers } from "./producers/producers.ts";
import { countBy, failuresOf, linesOf, type Outcome } from "./report.ts";
import { countFiles, readRest } from "./rest.ts";
import { scan } from "./scan.ts";
import { type QueueType, scheduleFaults } from "./schedule.ts";
import { createWitness } from "./witness.ts";
import { openWorld, type World } from "./world.ts";

export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly queue: QueueType;
  /** Where a failing run leaves what it has seen. */
  readonly artefacts: string;
  readonly say: (line: string) => void;
  /** Aborted when the run is to be broken off: then everything that it has started ends, and the reason is thrown. */
  readonly breaking: AbortSignal;
}

const program = join(import.meta.dirname, "..", "..", "dist", "src", "cli.js");

/** Makes a run from its first fault to its verdict. Returns why it failed; nothing when all held. */
export async function runChaos(options: RunOptions): Promise<readonly string[]> {
  const world = await openWorld(options.queue);
  const broken = new Promise<never>((_, reject) => {
    options.breaking.addEventListener("abort", () => reject(options.breaking.reason));
  });
  try {
    return await Promise.race([runIn(world, options), broken]);
  } catch (error) {
    // Told before anything is stopped, which may take a while when something has gone wrong.
    options.say(
      `the run came to no verdict: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    throw error;
  } finally {
    await Promise.race([world.stop(), pause(stoppedWithinMs, undefined, { ref: false })]);
  }
}

/** Servers and processes end within seconds; what has not ended by then is not waited for. */
const stoppedWithinMs = 60_000;

async function runIn(world: World, options: RunOptions): Promise<readonly string[]> {
  const { seed, seconds, queue, say } = options;
  const schedule = scheduleFaults(seed, seconds, queue);
  let evidence: Evidence | undefined;
  const producers = await startProducers(world, seed);
  const witness = createWitness(world, producers);
  const court = new Court();
  say(`hurting for ${seconds} s: ${schedule.length} faults, a third of the calls at Stripe faulty`);
  const { injected, samples, uncrowdedMs } = await hurt(world, { seconds, schedule, seed, witness, court });
  const hurtUntil = Date.now();
  await producers.stop();
  say(`healing, ${producers.stories} contracts later`);
  const healing = await heal(world, { producers, witness, court });
  const files = await countFiles(world.crew);
  evidence = await witness.look();
  let audit = "not asked";
  say("judging");
  if (healing.gaveUp === null) {
    audit = await askAudit(world);
    court.note(
      "I18",
      "No mail address, name, card number, person's words or secret is anywhere but where it belongs.",
      scan(await readPlaces(leakableOf(world, evidence)), canaries),
    );
    const rest = await readRest(world, evidence.tables, files);
    court.hearRest({ ...evidence, rest });
  }
  await producers.close();
  const whileHurt = evidence.requests.filter(({ at }) => at <= hurtUntil);
  const { operations } = evidence.tables;
  const erased = evidence.seenOperations.filter(({ id }) => !operations.some((row) => row.id === id));
  const outcome: Outcome = {
    seed,
    queue,
    seconds,
    schedule,
    injected,
    samples,
    uncrowdedMs,
    requests: whileHurt.length,
    stripeFaults: countBy(whileHurt.flatMap(({ fault }) => fault ?? [])),
    concluded: countBy([...operations, ...erased].map(({ kind, state }) => `${kind} ${state}`)),
    stories: producers.stories,
    happened: producers.happened,
    healing,
    findings: court.findings,
    deaths: world.crew.deaths,
    audit,
  };
  for (const line of linesOf(outcome)) say(line);
  const failures = failuresOf(outcome);
  if (failures.length > 0)
    say(`What the run has seen is in ${await leaveArtefacts(options.artefacts, world, outcome, evidence)}`);
  return failures;
}

/** Asks the program's own audit, which counts for nothing here, but whose silence would be telling. */
async function askAudit({ servers }: World): Promise<string> {
  const child = spawn(process.execPath, [program, "audit", "--json"], {
    env: { PATH: process.env.PATH, NODE_ENV: "test", DATABASE_URL: servers.databaseUrl, STRIPE_SECRET_KEY: stripeKey },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = once(child, "close").then(
    ([code]) => `ended with ${String(code)} and said ${said.trim().slice(0, 2_000)}`,
  );
  return Promise.race([ended, pause(60_000, "did not end within a minute", { ref: false })]);
}

function leakableOf({ servers, crew }: World, { ledger, requests }: Evidence): Leakable {
  const { redis, sql, traces } = servers;
  return {
    redisUrl: redis === undefined ? undefined : `redis://127.0.0.1:${redis.port}`,
    sql,
    traces,
    processes: crew.processes,
    metricsUrls: [...crew.workers, crew.relay].map(({ healthUrl }) => `${healthUrl}/metrics`),
    ledger,
    requests,
  };
}
