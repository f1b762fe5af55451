import { readConfig } from "../../src/config.ts";
import { startWorkers } from "../../workers/start.ts";

/**
 * The demo's worker: the same as `keiyaku start`, but bound to the demo by the channel between the two. It says when it is
 * ready, and stops when the demo is gone, however that went.
 */
const running = await startWorkers(readConfig());
process.once("disconnect", () => void running.stop());
if (process.connected) process.send?.({ type: "ready" });
else void running.stop();
process.exitCode = await running.stopped;
if (process.connected) process.disconnect();
