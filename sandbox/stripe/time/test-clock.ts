import { record } from "../billing/effects.ts";
import type { Change } from "../core/change.ts";
import type { Core } from "../core/core.ts";
import type { StoredTestClock } from "../core/stored.ts";
import { passTime } from "./pass-time.ts";

/** A clock begins to advance. Nothing on it happens before `finishAdvancing`. */
export function beginAdvancing(change: Change, clock: StoredTestClock, target: number): StoredTestClock {
  const advancing = change.put({
    ...clock,
    status: "advancing" as const,
    status_details: { advancing: { target_frozen_time: target } },
  });
  change.emit("test_helpers.test_clock.advancing", advancing);
  return advancing;
}

/** Lets the time of an advancing clock pass, and makes the clock ready; a clock that does not advance is left alone. */
export async function finishAdvancing(core: Core, id: string): Promise<void> {
  const { state } = core;
  // The stand-in stopped between answer and advance: the next start goes on with it.
  if (state.isClosed) return;
  const clocks = state.objects["test_helpers.test_clock"];
  const clock = clocks.get(id);
  const target = clock?.status_details.advancing?.target_frozen_time;
  if (clock === undefined || target === undefined) return;
  try {
    await passTime(core, id, clock.frozen_time, target);
    state.change({ requestId: null }, (change) => {
      change.moveTo(target);
      const ready = change.put({ ...clock, frozen_time: target, status: "ready" as const, status_details: {} });
      record(change, "test_clock.advanced", ready, { metadata: {} });
    });
  } catch (error) {
    state.change({ requestId: null }, (change) => change.put({ ...clock, status: "internal_failure" as const }));
    core.log(`DEFECT while ${id} advanced: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

/** Goes on with the clocks that were advancing when the process ended. */
export async function resumeAdvancing(core: Core): Promise<void> {
  const clocks = [...core.state.objects["test_helpers.test_clock"].oldestFirst()];
  for (const { id } of clocks) await finishAdvancing(core, id);
}
