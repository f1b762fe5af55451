import type { Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { LedgerFigures } from "../store/read-ledger-figures.ts";
import type { MailFigures } from "../store/read-mail-figures.ts";
import type { LedgerGauges } from "./ledger-gauges.ts";
import type { MailGauges } from "./mail-gauges.ts";

/** What a scrape asks, beside what this process has counted itself. Each may fail. */
export interface ScrapeSources {
  readonly ledger: (deadlineMs: number) => Promise<LedgerFigures>;
  readonly mail: (deadlineMs: number) => Promise<MailFigures>;
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
    clock,
    failed,
  }: {
    readonly registry: Registry;
    readonly gauges: LedgerGauges;
    readonly mailGauges: MailGauges;
    readonly clock: Clock;
    readonly failed: (source: "database" | "queue") => void;
  },
  sources: ScrapeSources,
): Scrape {
  /** Two questions to one source: what one of them fails over costs its own gauges, and counts as one scrape without it. */
  async function askDatabase(): Promise<void> {
    const [ledger, mail] = await Promise.allSettled([sources.ledger(sourceWithinMs), sources.mail(sourceWithinMs)]);
    if (ledger.status === "fulfilled") gauges.setLedger(ledger.value);
    else gauges.forgetLedger();
    if (mail.status === "fulfilled") mailGauges.set(mail.value);
    else mailGauges.forget();
    if (ledger.status === "rejected" || mail.status === "rejected") failed("database");
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
