import { Redis } from "ioredis";
import { within } from "./enqueue.ts";

/** How Redis looks to a process that is about to rely on it. */
export type RedisCheck =
  | { readonly type: "fit" }
  | { readonly type: "unreachable" }
  /** It answers and does not let us in; the code is Redis's own word, such as `WRONGPASS`. */
  | { readonly type: "refused"; readonly code: string }
  /** With any other policy than `noeviction` Redis may drop jobs when its memory is full. */
  | { readonly type: "evicting"; readonly policy: string };

/** Connects once and reads the eviction policy. A server that does not say it is taken as fit. */
export async function checkRedis(url: string, deadlineMs = 5_000): Promise<RedisCheck> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  // What a failed login says arrives here; the connection is then merely closed.
  let refusal: string | undefined;
  redis.on("error", (error: Error) => {
    refusal ??= refusalIn(error);
  });
  try {
    const info = await within(
      deadlineMs,
      redis.connect().then(() => redis.info("memory")),
    );
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? "noeviction";
    return policy === "noeviction" ? { type: "fit" } : { type: "evicting", policy };
  } catch (error) {
    const code = refusal ?? refusalIn(error as Error);
    return code === undefined ? { type: "unreachable" } : { type: "refused", code };
  } finally {
    redis.disconnect();
  }
}

/** Redis begins its refusals with a word in capitals. */
function refusalIn({ message }: Error): string | undefined {
  return /^(NOAUTH|WRONGPASS|NOPERM)\b/.exec(message)?.[1];
}
