import type { Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { LedgerFigures } from "../store/read-ledger-figures.ts";
import type { MailFigures } from "../store/read-mail-figures.ts";
import type { RunFigures } from "../store/read-run-figures.ts";
import type { LedgerGauges } from "./ledger-gauges.ts";
import type { MailGauges } from "./mail-gauges.ts";
import type { RunGauges } from "./run-gauges.ts";

/** What a scrape asks, beside what this process has counted itself. Each may fail. */
export interface ScrapeSources {
  readonly ledger: (deadlineMs: number) => Promise<LedgerFigures>;
  readonly mail: (deadlineMs: number) => Promise<MailFigures>;
  readonly runs: (deadlineMs: number) => Promise<RunFigures>;
  /** Jobs by state, for each queue by its name. */
  readonly queues: (deadlineMs: number) => Promise<Readonly<Record<string, Readonly<Record<string, number>>>>>;
}

/** Gives the metrics as text. Never rejects because of a source. */
export type Scrape = () => Promise<{ readonly contentType: string; readonly text: string }>;

/** Prometheus gives a scrape ten seconds; what the ledger does not tell in two is left out of it. */
const sourceWithinMs = 2_000;

/** Several scrapers, or a person who reloads the page, cost the database one statement in this time. */
const rememberedForMs = 3_000;

/**
 * Sets the gauges from the sources and writes everything out. The gauges of a source that failed are left out, since an
 * old value would look like a present one; `keiyaku_scrape_errors_total` tells.
 */
export function createScrape(
  {
    registry,
    gauges,
    mailGauges,
    runGauges,
    clock,
    failed,
  }: {
    readonly registry: Registry;
    readonly gauges: LedgerGauges;
    readonly mailGauges: MailGauges;
    readonly runGauges: RunGauges;
    readonly clock: Clock;
    readonly failed: (source: "database" | "queue") => void;
  },
  sources: ScrapeSources,
): Scrape {
  /** Several questions to one source: what fails over one costs its own gauges, and counts as one scrape without it. */
  async function askDatabase(): Promise<void> {
    const answered = await Promise.all([
      setBy(
        sources.ledger,
        (figures) => gauges.setLedger(figures),
        () => gauges.forgetLedger(),
      ),
      setBy(
        sources.mail,
        (figures) => mailGauges.set(figures),
        () => mailGauges.forget(),
      ),
      setBy(
        sources.runs,
        (figures) => runGauges.set(figures),
        () => runGauges.forget(),
      ),
    ]);
    if (answered.includes(false)) failed("database");
  }
  async function askQueues(): Promise<void> {
    try {
      const queues = await sources.queues(sourceWithinMs);
      for (const [queue, counts] of Object.entries(queues)) gauges.setQueue(queue, counts);
    } catch {
      gauges.forgetQueues();
      failed("queue");
    }
  }

  let asked: { readonly atMs: number; readonly answered: Promise<unknown> } | undefined;
  return async () => {
    if (asked === undefined || clock.monotonicMs() - asked.atMs > rememberedForMs) {
      asked = { atMs: clock.monotonicMs(), answered: Promise.all([askDatabase(), askQueues()]) };
    }
    await asked.answered;
    return { contentType: registry.contentType, text: await registry.metrics() };
  };
}

/** Sets gauges by what a source tells, or forgets them; returns whether it told. */
async function setBy<T>(
  source: (deadlineMs: number) => Promise<T>,
  set: (figures: T) => void,
  forget: () => void,
): Promise<boolean> {
  try {
    set(await source(sourceWithinMs));
    return true;
  } catch {
    forget();
    return false;
  }
}
