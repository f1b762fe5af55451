import { readConfig } from "../../src/config.ts";
import type { RunningWorkers } from "../../workers/until-signalled.ts";

/**
 * The demo's worker: the same as `keiyaku start`, but bound to the demo by the channel between the two. It says when it is
 * ready and where it takes
 * webhooks, and stops when the demo is gone, however that went.
 */
let running: RunningWorkers | undefined;
process.once("disconnect", () => {
  // Nothing is at work yet: what has been opened ends with the process.
  if (running === undefined) process.exit(1);
  void running.stop();
});
const { startWorkers } = await import("../../workers/start.ts");
running = await startWorkers(readConfig(), { roles: ["operations", "events", "relay"] });
process.send?.({ relayPort: running.facts.relay });
process.exitCode = await running.stopped;
if (process.connected) process.disconnect();
