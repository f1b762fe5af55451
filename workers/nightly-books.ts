import type { Logger } from "pino";
import { auditNightly } from "../src/audit/nightly.ts";
import type { Clock } from "../src/clock.ts";
import { instantAt } from "../src/contract/calendar.ts";
import type { RunTime } from "../src/maintenance/owed-dates.ts";
import { reconcileNightly } from "../src/reconcile/nightly.ts";
import type { ReconcileDeps } from "../src/reconcile/reconcile.ts";
import { type BookCheckKind, isCheckedSince } from "../src/store/book-checks.ts";
import type { Database } from "../src/store/database.ts";
import type { NightlyJob } from "./daily-run.ts";

export interface NightlyBooksDeps {
  readonly db: Database;
  readonly connection: ReconcileDeps["connection"];
  readonly clock: Clock;
  readonly log: Logger;
  readonly time: RunTime;
}

/**
 * What follows each night's run, when the books are as the date wants them: they are held against themselves, and then
 * against Stripe. What has come to its end since the night's hour is not done again; what was cut short goes on.
 */
export function nightlyBooks({ db, connection, clock, log, time }: NightlyBooksDeps): readonly NightlyJob[] {
  const oncePerNight = (
    kind: BookCheckKind["kind"],
    look: (stopping: AbortSignal) => Promise<unknown>,
  ): NightlyJob => ({
    name: kind,
    async run(date, stopping) {
      const since = instantAt(date, time.dailyRunAt, time.zone);
      if (!(await isCheckedSince(db, { kind, askedBy: "nightly" }, since))) await look(stopping);
    },
  });
  return [
    oncePerNight("audit", (stopping) => auditNightly({ db, log, stopping })),
    oncePerNight("reconcile", (stopping) =>
      reconcileNightly({ db, connection, clock, zone: time.zone, log, stopping }),
    ),
  ];
}
