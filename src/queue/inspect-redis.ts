import { Redis } from "ioredis";
import { within } from "./enqueue.ts";

/** What a Redis tells of itself; null where it, or the rights of our user, keep it back. */
export interface RedisState {
  readonly version: string | null;
  /** What it does when its memory is full: only `noeviction` keeps jobs. */
  readonly policy: string | null;
  /** Whether it writes down every command; without it a crash loses what came since the last snapshot. */
  readonly isAppendOnly: boolean | null;
  readonly usedBytes: number | null;
  /** The limit that is set, or the machine's memory where none is; null when it tells neither. */
  readonly limitBytes: number | null;
  /** Its clock, in milliseconds since 1970, beside ours just before and just after. */
  readonly clock: { readonly redisMs: number; readonly beforeMs: number; readonly afterMs: number } | null;
}

export type RedisInspection =
  | { readonly type: "answered"; readonly state: RedisState }
  | { readonly type: "unreachable" }
  /** It answers and does not let us in; the code is Redis's own word, such as `WRONGPASS`. */
  | { readonly type: "refused"; readonly code: string };

/** Connects once and asks Redis about itself. */
export async function inspectRedis(url: string, nowMs: () => number, deadlineMs: number): Promise<RedisInspection> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  // What a failed login says arrives here; the connection is then merely closed.
  let refusal: string | undefined;
  redis.on("error", (error: Error) => {
    refusal ??= refusalIn(error);
  });
  const ask = async (): Promise<RedisState> => {
    await redis.connect();
    const info = await redis.info();
    return { ...readInfo(info), clock: await readClock(redis, nowMs) };
  };
  try {
    return { type: "answered", state: await within(deadlineMs, ask()) };
  } catch (error) {
    const code = refusal ?? refusalIn(error);
    return code === undefined ? { type: "unreachable" } : { type: "refused", code };
  } finally {
    redis.disconnect();
  }
}

/** Reads what `INFO` answers. */
export function readInfo(info: string): Omit<RedisState, "clock"> {
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? null;
  const bytes = (name: string) => {
    const text = field(name);
    return text === null || !/^\d+$/.test(text) ? null : Number(text);
  };
  const appendOnly = field("aof_enabled");
  // 0 means that no limit is set.
  const limitBytes = bytes("maxmemory") || bytes("total_system_memory");
  return {
    version: field("redis_version"),
    policy: field("maxmemory_policy"),
    isAppendOnly: appendOnly === null ? null : appendOnly === "1",
    usedBytes: bytes("used_memory"),
    limitBytes: limitBytes === 0 ? null : limitBytes,
  };
}

async function readClock(redis: Redis, nowMs: () => number): Promise<RedisState["clock"]> {
  const beforeMs = nowMs();
  try {
    const [seconds, microseconds] = await redis.time();
    const afterMs = nowMs();
    return { redisMs: Number(seconds) * 1_000 + Number(microseconds) / 1_000, beforeMs, afterMs };
  } catch {
    // Some users may not ask; the rest is worth telling all the same.
    return null;
  }
}

/** The word in capitals with which Redis begins its refusals; undefined when an error is none. */
export function refusalIn(error: unknown): string | undefined {
  return error instanceof Error ? /^(NOAUTH|WRONGPASS|NOPERM)\b/.exec(error.message)?.[1] : undefined;
}
