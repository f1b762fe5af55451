import { Gauge, type Registry } from "prom-client";
import { Temporal } from "temporal-polyfill";
import type { Instant } from "../contract/calendar.ts";
import { owedSince, type RunTime } from "../maintenance/owed-dates.ts";
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
      const since = owedSince(figures, figures.now, time);
      owed.set(since === null ? 0 : Math.max(secondsFrom(since, figures.now), 0));
      held.set(figures.held);
    },
    forget,
  };
}

function secondsFrom(since: Instant, now: Instant): number {
  return Temporal.Instant.from(since).until(Temporal.Instant.from(now)).total("seconds");
}
