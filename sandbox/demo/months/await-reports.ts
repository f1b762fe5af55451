import { setTimeout as pause } from "node:timers/promises";
import type { Sql } from "postgres";
import type { StandInControl } from "../../stripe/control/control.ts";

/** What of Stripe's reports is still on its way to the books. */
interface UnderWay {
  /** Deliveries that the stand-in has made or is to make. */
  readonly deliveries: number;
  readonly waitingDeliveries: number;
  readonly events: number;
  readonly operations: number;
}

export interface AwaitReportsOptions {
  readonly sql: Sql;
  readonly control: StandInControl;
  readonly signal: AbortSignal;
  /** Whether also what waits for another event to tell its contract is awaited; it is left waiting unless told. */
  readonly toTheLast?: boolean;
  /** How long nothing may move. */
  readonly patienceMs?: number;
}

/** What nobody rang for is found within 90 s; what has not moved by then never will. */
const patienceMsDefault = 120_000;

const pollEveryMs = 20;

/**
 * Waits until all that Stripe has reported is in the books: every event that it sends is delivered, none is to be
 * looked at in the inbox, and no operation is open. Returns how many deliveries there have been.
 *
 * Throws when nothing moves for a while.
 */
export async function awaitReports(options: AwaitReportsOptions): Promise<number> {
  const { signal, patienceMs = patienceMsDefault } = options;
  let movedAt = performance.now();
  let before: UnderWay | undefined;
  for (;;) {
    signal.throwIfAborted();
    const underWay = await readUnderWay(options);
    const { deliveries, waitingDeliveries, events, operations } = underWay;
    const isQuiet = waitingDeliveries + events + operations === 0;
    // An operation that has just ended may have made events: two looks that see the same ones have missed none.
    if (isQuiet && before?.deliveries === deliveries && before.waitingDeliveries === 0) return deliveries;
    if (JSON.stringify(underWay) !== JSON.stringify(before)) movedAt = performance.now();
    before = underWay;
    if (performance.now() - movedAt > patienceMs) {
      throw new Error(
        `Nothing has moved for ${patienceMs / 1_000} s: ${waitingDeliveries} deliveries of Stripe's events are on their way, ` +
          `${events} events wait in the inbox, ${operations} operations are open.`,
      );
    }
    await pause(pollEveryMs, undefined, { signal });
  }
}

async function readUnderWay({ sql, control, toTheLast = false }: AwaitReportsOptions): Promise<UnderWay> {
  const deliveries = await control.deliveries();
  const [row] = await sql<Pick<UnderWay, "events" | "operations">[]>`
    select (select count(*)::int from keiyaku.stripe_events
        where state = 'received' or state = 'unmatched' and (look_at <= clock_timestamp() or ${toTheLast})) as events,
      (select count(*)::int from keiyaku.operations where state in ('requested', 'executing')) as operations`;
  const waitingDeliveries = deliveries.filter(({ state }) => state === "waiting").length;
  return {
    deliveries: deliveries.length,
    waitingDeliveries,
    events: row?.events ?? 0,
    operations: row?.operations ?? 0,
  };
}
