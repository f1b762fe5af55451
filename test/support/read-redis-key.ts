import type { Redis } from "ioredis";

/** What a key of Redis holds, of whatever kind, as JSON; undefined when it has gone meanwhile. */
export async function readRedisKey(redis: Redis, key: string): Promise<string | undefined> {
  const readers: Record<string, () => Promise<unknown>> = {
    string: () => redis.get(key),
    hash: () => redis.hgetall(key),
    list: () => redis.lrange(key, 0, -1),
    set: () => redis.smembers(key),
    zset: () => redis.zrange(key, "0", "-1"),
    stream: () => redis.xrange(key, "-", "+"),
  };
  const type = await redis.type(key);
  if (type === "none") return undefined;
  const read = readers[type];
  if (read === undefined) throw new Error(`Redis has a key of type ${type}, which nobody here can read.`);
  return JSON.stringify(await read());
}
