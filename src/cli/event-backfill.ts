import { Temporal } from "temporal-polyfill";
import type { Instant } from "../contract/calendar.ts";
import { type BackfillReport, backfillEvents, eventsKeptDays } from "../inbox/backfill-events.ts";
import { whyNotListed } from "../inbox/why-not-listed.ts";
import type { StripeEvent } from "../stripe/events.ts";
import { createStripeGateway } from "../stripe/stripe-gateway.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { showInstant } from "./show-time.ts";

export interface EventBackfillOptions {
  /** A moment with its offset, or one of the business zone: `2026-11-20T09:00:00+09:00`, `2026-11-20 09:00`, `2026-11-20`. */
  readonly since?: string;
  readonly json?: boolean;
}

/** Takes in what Stripe reported and what never arrived here, and says how much that was. */
export async function eventBackfill(context: CommandContext, options: EventBackfillOptions): Promise<ExitCode> {
  const { stripe, config, clock, db, err, signal } = context;
  if (stripe === null) throw new Error("a back-fill lists what Stripe has");
  const wanted = options.since === undefined ? undefined : { since: readSince(context, options.since) };
  const connection = createStripeGateway(stripe);
  const deps = {
    db,
    connection,
    clock,
    origin: config.stripeEvents,
    onUnreadable: (eventId: string | null, { field, problem }: { readonly field: string; readonly problem: string }) =>
      writeLine(
        err,
        `${paint(err, "yellow", "unreadable")}  ${eventId ?? "an event without an id"}: ${field} ${problem}.`,
      ),
    onForeign: ({ id, account }: StripeEvent) =>
      writeLine(err, `${paint(err, "yellow", "foreign")}  ${id}: of ${account ?? "another mode"}; it is left out.`),
    stopping: signal,
  };
  try {
    return tell(context, await backfillEvents(deps, wanted), options.json === true);
  } finally {
    connection.close();
  }
}

/** Reads since when events are wanted: a moment that has passed, and not longer ago than Stripe lists. */
function readSince({ config, clock }: CommandContext, text: string): Instant {
  const since = momentIn(text, config.businessTimeZone);
  if (since === undefined) {
    throw wrongSince(
      "is no moment",
      "Write it as 2026-11-20T09:00:00+09:00, or as 2026-11-20 in the business' time zone.",
    );
  }
  const now = Temporal.Instant.from(clock.now());
  if (Temporal.Instant.compare(since, now) > 0) throw wrongSince("has not come yet", "Give a moment that has passed.");
  const keptSince = now.subtract({ hours: eventsKeptDays * 24 });
  if (Temporal.Instant.compare(since, keptSince) < 0) {
    throw wrongSince(
      `is more than ${eventsKeptDays} days ago, and Stripe lists no older events`,
      `Give a moment from ${showInstant(keptSince.toString(), config.businessTimeZone)} on (${config.businessTimeZone}).`,
    );
  }
  return since.toString();
}

function momentIn(text: string, zone: string): Temporal.Instant | undefined {
  try {
    return Temporal.Instant.from(text);
  } catch {
    // Without an offset, it is on the clock of the business.
  }
  try {
    return Temporal.PlainDateTime.from(text).toZonedDateTime(zone).toInstant();
  } catch {
    return undefined;
  }
}

function wrongSince(what: string, remedy: string): CommandFailure {
  return new CommandFailure(exitCodes.wrongUsage, {
    code: "wrong_usage",
    sentence: `The moment given with --since ${what}.`,
    remedy: `Nothing was done. ${remedy}`,
  });
}

function tell({ out, err, config }: CommandContext, report: BackfillReport, json: boolean): ExitCode {
  const { since, found, lost } = report;
  const listed = found.known + found.missing + found.unreadable + found.foreign;
  const zone = config.businessTimeZone;
  if (json) {
    const listedUntil = report.type === "finished" ? report.listedUntil : null;
    writeJson(out, { finished: report.type === "finished", since, listedUntil, listed, ...found, lost });
  } else {
    writeLine(out, `Stripe lists ${listed} events since ${showInstant(since, zone)} (${zone}).`);
    writeLine(out, `${found.missing} of them had not arrived, and were taken in; ${found.known} had.`);
    if (found.unreadable > 0) writeLine(out, `${found.unreadable} cannot be taken in.`);
    if (found.foreign > 0) writeLine(out, `${found.foreign} are of another mode or account, and were left out.`);
  }
  if (lost !== null) {
    const [from, until] = [showInstant(lost.from, zone), showInstant(lost.until, zone)];
    writeLine(
      err,
      `${paint(err, "yellow", "lost")}  What Stripe reported between ${from} and ${until} is not listed any more: see KeiyakuBackfillStopped in docs/runbook.md.`,
    );
  }
  if (report.type === "failed") {
    const { code, sentence, remedy, passes } = whyNotListed(report.fault);
    throw new CommandFailure(passes ? exitCodes.tryLater : exitCodes.failed, {
      code: `stripe_${code}`,
      sentence,
      remedy: `${remedy} What was listed so far is taken in; run the command again for the rest.`,
    });
  }
  return found.unreadable + found.foreign > 0 || lost !== null ? exitCodes.partlyFailed : exitCodes.done;
}
