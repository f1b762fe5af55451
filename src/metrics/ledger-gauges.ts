import { Gauge, type Registry } from "prom-client";
import type { LedgerFigures } from "../store/read-ledger-figures.ts";
import { createBookGauges } from "./book-gauges.ts";

/** The gauges that a scrape sets. Each is absent, not zero, until its source has answered. */
export interface LedgerGauges {
  setLedger(figures: LedgerFigures): void;
  setQueue(queue: string, counts: Readonly<Record<string, number>>): void;
  forgetLedger(): void;
  forgetQueues(): void;
}

/** Makes them. None has a value yet. */
export function createLedgerGauges(registers: Registry[]): LedgerGauges {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const open = gauge("keiyaku_open_operations", "Operations that are not final, by state.", ["state"]);
  const held = gauge("keiyaku_operations_held", "Operations that wait for a person.", []);
  const oldest = gauge(
    "keiyaku_oldest_open_operation_seconds",
    "How long ago the oldest operation that is not final was accepted; 0 when there is none.",
    [],
  );
  const overdue = gauge(
    "keiyaku_operations_overdue",
    "Operations whose turn it is and for which nobody has rung for two minutes: no sweep is at work, or the queue is long.",
    [],
  );
  const owed = gauge("keiyaku_refunds_owed", "Refunds that somebody still has to make.", []);
  const owedMinor = gauge("keiyaku_refunds_owed_minor", "Their sum, in the currency's minor unit; for JPY, yen.", [
    "currency",
  ]);
  const events = gauge("keiyaku_events_waiting", "Events of Stripe's that nothing has followed from yet, by state.", [
    "state",
  ]);
  const eventsOfPeople = gauge(
    "keiyaku_events_for_a_person",
    "Events that only a person's word, or the registration of their contract, has looked at again.",
    [],
  );
  const dueEvent = gauge(
    "keiyaku_oldest_due_event_seconds",
    "How long the event that is longest due has waited to be looked at; 0 when none is due.",
    [],
  );
  const listed = gauge(
    "keiyaku_events_listed_age_seconds",
    "How long ago Stripe's list of events was read as it then was; absent before the first back-fill.",
    [],
  );
  const jobs = gauge("keiyaku_queue_jobs", "Jobs in the queue, by BullMQ's state.", ["queue", "state"]);
  const books = createBookGauges(registers);
  const single = [held, oldest, overdue, owed, eventsOfPeople, dueEvent, listed];
  const forgetLedger = () => {
    for (const each of single) each.remove();
    open.reset();
    events.reset();
    owedMinor.reset();
    books.forget();
  };
  forgetLedger();
  return {
    setLedger(figures) {
      for (const state of ["requested", "executing", "held"] as const) open.set({ state }, figures[state]);
      held.set(figures.held);
      oldest.set(figures.oldestOpenSeconds);
      overdue.set(figures.overdue);
      owed.set(figures.owed);
      for (const state of ["received", "unmatched", "held"] as const) events.set({ state }, figures.events[state]);
      eventsOfPeople.set(figures.events.forAPerson);
      dueEvent.set(figures.events.oldestDueSeconds);
      if (figures.eventsListedSeconds === null) listed.remove();
      else listed.set(figures.eventsListedSeconds);
      books.set(figures.books);
      owedMinor.reset();
      for (const [currency, minor] of Object.entries({ jpy: 0, ...figures.owedMinor }))
        owedMinor.set({ currency }, minor);
    },
    setQueue(queue, counts) {
      for (const [state, count] of Object.entries(counts)) jobs.set({ queue, state }, count);
    },
    forgetLedger,
    forgetQueues: () => jobs.reset(),
  };
}
