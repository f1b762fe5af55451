import { Gauge, type Registry } from "prom-client";
import { owedSeconds, type RunTime } from "../maintenance/owed-dates.ts";
import type { RunFigures } from "../store/read-run-figures.ts";

/** The gauges of the daily run. Each is absent, not zero, until the database has answered. */
export interface RunGauges {
  set(figures: RunFigures): void;
  forget(): void;
}

/** Makes them. None has a value yet. */
export function createRunGauges(registers: Registry[], time: RunTime): RunGauges {
  const owed = new Gauge({
    name: "keiyaku_daily_run_owed_seconds",
    help: "How long ago the run of the oldest date that is not done was due; 0 when every date is done.",
    registers,
  });
  const held = new Gauge({
    name: "keiyaku_daily_run_held",
    help: "Operations that a date brought and that wait for a person.",
    registers,
  });
  const forget = () => {
    for (const each of [owed, held]) each.remove();
  };
  forget();
  return {
    set(figures) {
      owed.set(owedSeconds(figures, figures.now, time));
      held.set(figures.held);
    },
    forget,
  };
}
