import { Gauge, type Registry } from "prom-client";
import { invariantIds } from "../audit/invariant.ts";
import { differenceTypes } from "../reconcile/difference.ts";
import type { BookFigures } from "../store/read-ledger-figures.ts";

/** The gauges of what the last looks through the books have found. Each is absent before the first. */
export interface BookGauges {
  set(figures: BookFigures): void;
  forget(): void;
}

/** Makes them. None has a value yet. */
export function createBookGauges(registers: Registry[]): BookGauges {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const differences = gauge(
    "keiyaku_book_differences",
    "Differences between our books and Stripe's that the last look through all contracts by card has left, by type.",
    ["type"],
  );
  const unlooked = gauge(
    "keiyaku_books_unlooked",
    "Contracts of which the last look could say nothing: they kept changing, or Stripe did not tell.",
    ["reason"],
  );
  const reconciled = gauge(
    "keiyaku_books_reconciled_age_seconds",
    "How long ago all contracts by card were held against Stripe; absent before the first time.",
    [],
  );
  const violations = gauge(
    "keiyaku_audit_violations",
    "Violations that the last audit of our tables found, by invariant.",
    ["invariant"],
  );
  const audited = gauge(
    "keiyaku_books_audited_age_seconds",
    "How long ago our tables were audited; absent before the first time.",
    [],
  );
  const forget = () => {
    for (const each of [differences, unlooked, violations]) each.reset();
    reconciled.remove();
    audited.remove();
  };
  forget();
  return {
    forget,
    set({ reconcile, audit }) {
      forget();
      if (reconcile !== undefined) {
        const { counts } = reconcile;
        reconciled.set(reconcile.ageSeconds);
        for (const type of differenceTypes) differences.set({ type }, counts.differences[type] ?? 0);
        unlooked.set({ reason: "busy" }, counts.busy);
        unlooked.set({ reason: "unread" }, counts.unread);
      }
      if (audit !== undefined) {
        audited.set(audit.ageSeconds);
        for (const invariant of invariantIds) violations.set({ invariant }, audit.counts[invariant]?.violations ?? 0);
      }
    },
  };
}
