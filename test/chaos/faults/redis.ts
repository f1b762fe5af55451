import { setTimeout as pause } from "node:timers/promises";
import { isAlive } from "../servers.ts";
import { wipeQueue } from "../wipe-queue.ts";
import type { Fault } from "./fault.ts";

/** The queue loses everything: jobs, locks, schedulers. */
export const redisFlushed: Fault = ({ servers }) => wipeQueue(servers);

/** Redis is killed, is away for a moment, and comes back with what it had acknowledged. */
export const redisRestarted: Fault = async ({ servers: { redis } }, { random }) =>
  redis?.restart(random.between(0, 1_500));

/** Redis stands still: its connections stay open and answer nothing. */
export const redisFrozen: Fault = async ({ servers: { redis } }, { random }) => {
  if (redis === undefined) return;
  const { pid } = redis;
  // One that is being started again stands still anyway.
  if (!isAlive(pid)) return;
  process.kill(pid, "SIGSTOP");
  try {
    await pause(random.between(1_500, 3_500));
  } finally {
    // It may have been killed meanwhile.
    if (isAlive(pid)) process.kill(pid, "SIGCONT");
  }
};
