import type { Logger } from "pino";
import {
  beginReconcile,
  findUnfinishedReconcile,
  type ReconcileDeps,
  type ReconcileReport,
  reconcile,
} from "./reconcile.ts";

/** What the night's look through the books needs. */
export interface NightlyReconcileDeps extends Pick<ReconcileDeps, "db" | "connection" | "clock" | "zone" | "stopping"> {
  readonly log: Pick<Logger, "info" | "warn">;
}

/**
 * Holds every contract by card against Stripe, from where the last night was interrupted if it was. It repairs nothing: whether
 * to ask for what puts a difference right is a person's word (`keiyaku reconcile --repair`). What it found stays in
 * `book_checks`, where the metrics read it.
 *
 * Several processes may do it at once: one of them goes on. Throws what the database does.
 */
export async function reconcileNightly(deps: NightlyReconcileDeps): Promise<ReconcileReport> {
  const { db, log } = deps;
  const check = (await findUnfinishedReconcile(db, "nightly")) ?? (await beginReconcile(db, "nightly"));
  const report = await reconcile({ ...deps, repair: null, onFound: () => undefined }, check);
  const { type, looked, total, counts } = report;
  const differs = Object.keys(counts.differences).length > 0;
  if (type === "failed") {
    log.warn({ looked, total, fault: report.fault }, "Stripe did not tell what the books were to be held against");
  } else if (type === "finished") {
    const facts = { looked, total, ...counts };
    if (differs) log.warn(facts, "the books differ from Stripe: `keiyaku reconcile` names each difference");
    else log.info(facts, "the books are equal to Stripe's");
  }
  return report;
}
