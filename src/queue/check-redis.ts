import { Redis } from "ioredis";
import { within } from "./enqueue.ts";

/** How Redis looks to a process that is about to rely on it. */
export type RedisCheck =
  | { readonly type: "fit" }
  | { readonly type: "unreachable" }
  /** With any other policy than `noeviction` Redis may drop jobs when its memory is full. */
  | { readonly type: "evicting"; readonly policy: string };

/** Connects once and reads the eviction policy. A server that does not say it is taken as fit. */
export async function checkRedis(url: string, deadlineMs = 5_000): Promise<RedisCheck> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined);
  try {
    const info = await within(
      deadlineMs,
      redis.connect().then(() => redis.info("memory")),
    );
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? "noeviction";
    return policy === "noeviction" ? { type: "fit" } : { type: "evicting", policy };
  } catch {
    return { type: "unreachable" };
  } finally {
    redis.disconnect();
  }
}
