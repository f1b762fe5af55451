import { systemClock } from "../clock.ts";
import { inspectRedis } from "./inspect-redis.ts";

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
  const inspection = await inspectRedis(url, () => systemClock.nowMs(), deadlineMs);
  if (inspection.type !== "answered") return inspection;
  const { policy } = inspection.state;
  return policy === null || policy === "noeviction" ? { type: "fit" } : { type: "evicting", policy };
}
