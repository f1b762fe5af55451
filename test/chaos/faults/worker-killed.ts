import type { Fault } from "./fault.ts";

/** A worker is gone in the middle of whatever it does. Its supervisor starts it again. */
export const workerKilled: Fault = async (_world, { worker }) => worker.process.kill("SIGKILL");
