import { createRandom } from "../../../sandbox/demo/data/random.ts";
import type { StandInControl } from "../../../sandbox/stripe/control/control.ts";
import type { FaultRule } from "../../../sandbox/stripe/core/fault-rule.ts";

/** Every fault that a request to Stripe can meet, the more frequent ones more than once. */
const modes: readonly ((path: string, skip: number, ms: number) => FaultRule)[] = [
  (path, skip) => ({ mode: "lose_reply_before", path, skip }),
  (path, skip) => ({ mode: "lose_reply_after", path, skip }),
  (path, skip) => ({ mode: "lose_reply_after", path, skip }),
  (path, skip) => ({ mode: "truncate_reply", path, skip }),
  (path, skip) => ({ mode: "html_502", executed: true, path, skip }),
  (path, skip) => ({ mode: "html_502", executed: false, path, skip }),
  (path, skip) => ({ mode: "stored_500", executed: true, path, skip }),
  (path, skip) => ({ mode: "stored_500", executed: false, path, skip }),
  (path, skip, ms) => ({ mode: "hold", when: "before_executing", ms, path, skip }),
  (path, skip, ms) => ({ mode: "hold", when: "after_executing", ms, path, skip }),
  (path, skip) => ({ mode: "rate_limit_429", path, skip }),
  (path, skip) => ({ mode: "lock_timeout_429", path, skip }),
  (path, skip) => ({ mode: "status_403", path, skip }),
];

/** As many rules lie ready as requests may come before they are looked at again. */
const readyRules = 60;

/**
 * Has about a third of all requests to Stripe meet a fault, from now on. To be called again every second or so. A rule lets so many
 * requests pass as it says, and those that met an older rule are not among them: two between any two faults, now and then one or three.
 */
export function createStripeFaults(control: StandInControl, seed: number): { topUp(): Promise<void> } {
  const random = createRandom(seed);
  return {
    async topUp() {
      const pending = await control.pendingFaults();
      let skip = pending.at(-1)?.skipsLeft ?? 0;
      for (let count = pending.length; count < readyRules; count += 1) {
        skip += random.between(1, 3);
        await control.fault(random.pick(modes)("/v1/**", skip, random.between(300, 2_500)));
      }
    },
  };
}
