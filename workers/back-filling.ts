import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import { type BackfillDeps, type BackfillReport, backfillEvents } from "../src/inbox/backfill-events.ts";
import { whyNotListed } from "../src/inbox/why-not-listed.ts";
import { StoreError } from "../src/store/store-error.ts";

export interface BackFillingDeps extends Pick<BackfillDeps, "db" | "connection" | "origin" | "onTakenIn"> {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told how each back-fill ended. */
  readonly backfillEnded?: (ended: BackfillReport | "failed") => void;
}

/** What never arrives is found within five minutes. Stripe is asked once for it, as long as little happens. */
const backfillEveryMs = 300_000;

/**
 * Takes in what never arrived, at once and then every five minutes, until stopped; it stops between two pages.
 *
 * A timer of this process, as the sweep is: what it makes up for may be a queue that is away. Several processes may do it at
 * once. One that fails is told once, with the remedy, and tried again at the next turn, never sooner: with a wrong key, or
 * while Stripe is away, no more is asked of it than otherwise.
 */
export function startBackFilling(deps: BackFillingDeps, everyMs = backfillEveryMs): { stop(): Promise<void> } {
  const { clock, log } = deps;
  const stopping = new AbortController();
  let failing: string | null = null;

  async function fillBack(): Promise<void> {
    const report = await backfillEvents({
      ...deps,
      stopping: stopping.signal,
      onUnreadable: (eventId, { field, problem }) =>
        log.error({ eventId, field, problem }, "an event that Stripe lists cannot be taken in"),
      onForeign: ({ id: eventId, livemode, account }) =>
        log.error({ eventId, livemode, account }, "Stripe lists an event of another mode or account; it is left out"),
    });
    deps.backfillEnded?.(report);
    const { found, lost } = report;
    if (found.missing > 0) log.info(found, "took in events that had not arrived");
    if (lost !== null) log.error(lost, "what Stripe reported between these moments is not listed any more");
    if (report.type === "failed") {
      const { code, sentence, remedy } = whyNotListed(report.fault);
      tellFailure(code, { reason: code, requestId: report.fault.requestId, remedy }, sentence);
      return;
    }
    if (failing !== null) log.info("Stripe's events are listed again");
    failing = null;
  }

  function tellFailure(code: string, facts: object, sentence: string): void {
    if (code !== failing) log.error(facts, sentence);
    failing = code;
  }

  async function untilStopped(): Promise<void> {
    while (!stopping.signal.aborted) {
      await fillBack().catch((error: unknown) => {
        if (stopping.signal.aborted) return;
        deps.backfillEnded?.("failed");
        const code = error instanceof StoreError ? error.code : "unexpected_error";
        tellFailure(code, { err: error }, "a back-fill of Stripe's events failed");
      });
      // Jittered by a tenth, so that processes started together do not list together.
      await clock.sleep(everyMs * (0.95 + 0.1 * Math.random()), stopping.signal).catch(() => undefined);
    }
  }

  const atWork = untilStopped();
  return {
    async stop() {
      stopping.abort();
      await atWork;
    },
  };
}
