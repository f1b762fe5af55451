import { scheduledKinds } from "../contract/scheduled.ts";
import type { RunRecord, RunResult } from "../store/maintenance-runs.ts";
import { showInstant } from "./show-time.ts";

/** How the operations of a run have ended, or not. */
export const endings = ["succeeded", "rejected", "abandoned", "held", "waiting"] as const;

/** What a run came to, kind by kind: `renew 3 succeeded, 1 rejected`. */
export function showResult({ operations }: RunResult): string {
  const kinds = scheduledKinds.flatMap((kind) => {
    const counts = operations[kind];
    if (counts === undefined) return [];
    const shown = endings.flatMap((ending) => (counts[ending] === undefined ? [] : [`${counts[ending]} ${ending}`]));
    return [`${kind} ${shown.join(", ")}`];
  });
  return kinds.length === 0 ? "nothing was due" : kinds.join("; ");
}

/** Where a run stands: since when it is done, or which phase is at work. */
export function showState({ state, phase, doneAt }: RunRecord, zone: string): string {
  return state === "done" && doneAt !== null ? `done ${showInstant(doneAt, zone)}` : `running, at ${phase}`;
}
