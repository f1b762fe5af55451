import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import { clockSkewMsMax, skewMsOf } from "../src/clock-skew.ts";
import { checkRedis } from "../src/queue/check-redis.ts";
import type { QueueBackend } from "../src/queue/queue-backend.ts";
import type { Database } from "../src/store/database.ts";
import { pingDatabase } from "../src/store/ping.ts";
import { schemaIsCurrent } from "../src/store/schema-state.ts";
import { StoreError } from "../src/store/store-error.ts";

/** The workers cannot start. The message says why and what to do, in a sentence. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
  /** Whether the same start may succeed later without anybody changing anything. */
  readonly tryLater: boolean;

  constructor(sentence: string, tryLater: boolean) {
    super(sentence);
    this.tryLater = tryLater;
  }
}

/** How long a start waits for its servers: containers that start together need a moment. */
const waitForServersMs = 15_000;

/**
 * Makes sure, before a worker is built, that it can work: servers answer, the schema is current, Redis keeps what it is
 * given, and the clocks agree. Waits a while for servers that are still starting.
 */
export async function checkServers(deps: {
  readonly db: Database;
  /** Null when nothing that starts needs it. */
  readonly queue: QueueBackend | null;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<void> {
  await answering(deps, "PostgreSQL does not answer; check DATABASE_URL and that the server runs", () =>
    pingDatabase(deps.db, 5_000),
  );
  if (!(await schemaIsCurrent(deps.db))) {
    throw new StartRefused("The database lacks migrations of this version: run `keiyaku migrate` first.", false);
  }
  await checkClock(deps);
  if (deps.queue?.type === "redis") await checkQueueOnRedis(deps, deps.queue.url);
}

async function checkQueueOnRedis(deps: Parameters<typeof checkServers>[0], url: string): Promise<void> {
  const check = await answering(deps, "Redis does not answer; check REDIS_URL and that the server runs", async () => {
    const result = await checkRedis(url);
    if (result.type === "unreachable") throw new Error("unreachable");
    return result;
  });
  if (check.type === "refused") {
    const sentence = `Redis refuses the user or the password of REDIS_URL, or does not let them use INFO (${check.code}).`;
    throw new StartRefused(sentence, false);
  }
  if (check.type === "evicting") {
    const sentence = `Redis may evict jobs (maxmemory-policy ${check.policy}): set maxmemory-policy to noeviction.`;
    throw new StartRefused(sentence, false);
  }
}

async function checkClock({ db, clock }: Parameters<typeof checkServers>[0]): Promise<void> {
  const before = clock.nowMs();
  const databaseMs = await pingDatabase(db, 5_000);
  const skewMs = Math.abs(skewMsOf(databaseMs, before, clock.nowMs()));
  if (skewMs > clockSkewMsMax) {
    const seconds = (skewMs / 1_000).toFixed(1);
    throw new StartRefused(
      `This host's clock and the database's differ by ${seconds} s: synchronise them first.`,
      false,
    );
  }
}

/** Tries until the server answers or the wait is over. A refusal of the server, such as a wrong password, ends it at once. */
async function answering<T>(
  { clock, log }: Parameters<typeof checkServers>[0],
  sentence: string,
  attempt: () => Promise<T>,
): Promise<T> {
  const beganMs = clock.monotonicMs();
  for (let delayMs = 200; ; delayMs = Math.min(delayMs * 2, 2_000)) {
    try {
      return await attempt();
    } catch (error) {
      const code = error instanceof StoreError ? error.code : "unreachable";
      if (error instanceof StoreError && error.fault === "refused")
        throw new StartRefused(`${sentence} (${code}).`, false);
      if (clock.monotonicMs() - beganMs > waitForServersMs) throw new StartRefused(`${sentence} (${code}).`, true);
      log.warn({ code }, `${sentence.split(";")[0]}; trying again`);
    }
    await clock.sleep(delayMs);
  }
}
