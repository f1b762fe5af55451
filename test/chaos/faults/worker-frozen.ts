import { setTimeout as pause } from "node:timers/promises";
import type { Fault } from "./fault.ts";

/**
 * A worker stands still for longer than its locks last: others take over what it had in hand. Then it goes on where it stood,
 * and must change nothing that is not its own any more.
 */
export const workerFrozen: Fault = async ({ time }, { worker, random }) => {
  const { process } = worker;
  process.kill("SIGSTOP");
  try {
    await pause(random.between(200, 800));
    await time.leap(0);
    await time.sweep();
    await pause(random.between(500, 3_000));
  } finally {
    process.kill("SIGCONT");
  }
};
