import { Redis } from "ioredis";
import { openQueue } from "../../src/queue/queue-backend.ts";
import { DemoRefused } from "./env.ts";

/** Marks a Redis in which a demo has jobs, so that the next one may clear what a killed one left. */
const marker = "keiyaku-demo";

const answerWithinMs = 5_000;

/**
 * Takes the queue on this Redis for the demo: it must hold no jobs, or only those that a killed demo left, which are
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
  const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized", "failed");
  const jobs = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const isOurs = (await redis.exists(marker)) === 1;
  if (jobs > 0 && !isOurs) {
    await close();
    throw new DemoRefused(
      `The queue on the Redis of REDIS_URL holds ${jobs} jobs of an installation. Unset REDIS_URL, or name another database.`,
    );
  }
  await queue.obliterate({ force: true });
  await redis.set(marker, "1");
  return giveBack;
}
