import { Redis } from "ioredis";
import { openQueue } from "../../src/queue/queue-backend.ts";
import { DemoRefused } from "./env.ts";

/** Marks a Redis in which a demo has jobs, so that the next one may clear what a killed one left. */
const marker = "keiyaku-demo";

const answerWithinMs = 5_000;

/**
 * Takes the queue on this Redis for the demo: nobody may work on it or wait in it, but for what a killed demo left, which is
 * removed. Returns how to give it back, empty. Throws {@link DemoRefused} rather than take the jobs of somebody's
 * installation.
 */
export async function claimRedis(url: string): Promise<() => Promise<void>> {
  const redis = new Redis(url, { connectTimeout: answerWithinMs, maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on("error", () => undefined);
  const queue = await openQueue({ type: "redis", url }, "operations", answerWithinMs).catch((error: unknown) => {
    redis.disconnect();
    throw new DemoRefused(
      `REDIS_URL is set, and Redis does not answer (${(error as Error).name}). Unset it, or start Redis.`,
    );
  });
  const close = async () => {
    redis.disconnect();
    await queue.close();
  };
  const giveBack = async () => {
    try {
      await queue.obliterate({ force: true });
      await redis.del(marker);
    } finally {
      await close();
    }
  };
  const isOurs = (await redis.exists(marker)) === 1;
  const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized", "failed");
  const jobs = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const workers = await queue.getWorkers();
  if (!isOurs && jobs + workers.length > 0) {
    await close();
    throw new DemoRefused(
      `The Redis of REDIS_URL serves an installation (${jobs} jobs, ${workers.length} workers). ` +
        "Unset REDIS_URL, or name another database of it.",
    );
  }
  await queue.obliterate({ force: true });
  await redis.set(marker, "1");
  return giveBack;
}
