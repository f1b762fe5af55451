import { Redis } from "ioredis";
import { openQueue } from "../../src/queue/queue-backend.ts";
import { DemoRefused } from "./env.ts";

/** Marks a Redis in which a demo has jobs, so that the next one may clear what a killed one left. */
const marker = "keiyaku-demo";

const answerWithinMs = 5_000;

/** The queues of the roles that the demo's worker has. */
const queueNames = ["operations", "stripe-events"] as const;

/**
 * Takes the queues on this Redis for the demo: nobody may work on them or wait in them, but for what a killed demo left, which
 * is removed. Returns how to give them back, empty. Throws {@link DemoRefused} rather than take the jobs of somebody's
 * installation.
 */
export async function claimRedis(url: string): Promise<() => Promise<void>> {
  const redis = new Redis(url, { connectTimeout: answerWithinMs, maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on("error", () => undefined);
  const open = (name: (typeof queueNames)[number]) => openQueue({ type: "redis", url }, name, answerWithinMs);
  const queues = await Promise.all(queueNames.map(open)).catch((error: unknown) => {
    redis.disconnect();
    throw new DemoRefused(
      `REDIS_URL is set, and Redis does not answer (${(error as Error).name}). Unset it, or start Redis.`,
    );
  });
  const close = async () => {
    redis.disconnect();
    await Promise.all(queues.map((queue) => queue.close()));
  };
  const empty = () => Promise.all(queues.map((queue) => queue.obliterate({ force: true })));
  const giveBack = async () => {
    try {
      await empty();
      await redis.del(marker);
    } finally {
      await close();
    }
  };
  const isOurs = (await redis.exists(marker)) === 1;
  const counts = await Promise.all(
    queues.map((queue) => queue.getJobCounts("waiting", "active", "delayed", "prioritized", "failed")),
  );
  const jobs = counts.flatMap(Object.values).reduce((sum: number, count: number) => sum + count, 0);
  const workers = (await Promise.all(queues.map((queue) => queue.getWorkers()))).flat();
  if (!isOurs && jobs + workers.length > 0) {
    await close();
    throw new DemoRefused(
      `The Redis of REDIS_URL serves an installation (${jobs} jobs, ${workers.length} workers). ` +
        "Unset REDIS_URL, or name another database of it.",
    );
  }
  await empty();
  await redis.set(marker, "1");
  return giveBack;
}
