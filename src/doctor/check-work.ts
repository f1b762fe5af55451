import type { QueueState } from "../queue/inspect-queue.ts";
import type { HeldOperation } from "../store/list-held.ts";
import type { LedgerFigures } from "../store/read-ledger-figures.ts";
import { type MailFigures, mailsForAPersonDays } from "../store/read-mail-figures.ts";
import { type Finding, warning, well, wrong } from "./finding.ts";
import { inWords } from "./in-words.ts";

/** A job is taken within a second while a worker is free; five minutes are past any burst. */
const waitingSecondsMax = 300;

/** Judges how long a queue is and how long its oldest job has waited. */
export function judgeQueue({ name, counts, oldestWaitingAtMs }: QueueState, nowMs: number): readonly Finding[] {
  const waitingSeconds = oldestWaitingAtMs === null ? 0 : Math.max(0, Math.round((nowMs - oldestWaitingAtMs) / 1_000));
  const facts = { queue: name, ...counts, waitingSeconds };
  const shown = Object.entries(counts)
    .map(([state, count]) => `${count} ${state}`)
    .join(", ");
  const findings = [
    waitingSeconds <= waitingSecondsMax
      ? well("jobs", `Queue ${name}: ${shown}.`, facts)
      : wrong(
          "jobs",
          `Queue ${name}: ${shown}; the oldest has waited for ${inWords(waitingSeconds)}.`,
          "See that workers run (`keiyaku start`) and are ready (/readyz), and what their logs say.",
          facts,
        ),
  ];
  const failed = counts.failed ?? 0;
  if (failed === 0) return findings;
  return [
    ...findings,
    warning(
      "jobs",
      `Queue ${name} keeps ${failed} jobs that failed: requests whose producers allowed them too few attempts.`,
      "Let their producers send them again under the same ids, with `keiyaku/client` or as docs say; nothing is done twice.",
    ),
  ];
}

/** Judges whether workers are there at all, by their connections to the database. */
export function judgeWorkers(workerConnections: number): Finding {
  return workerConnections > 0
    ? well("workers", "Workers are connected to the database.", { workerConnections })
    : warning(
        "workers",
        "No worker is connected to the database, as far as this user can see.",
        "Start one with `keiyaku start`; what is accepted waits meanwhile.",
        { workerConnections },
      );
}

/** Most operations end in seconds; one that is open for an hour waits for something that a person can see. */
const openSecondsMax = 3_600;

/** Judges what is open: what waits too long, what nobody rings for, and what waits for a person. */
export function judgeOperations(figures: LedgerFigures, held: readonly HeldOperation[]): readonly Finding[] {
  const { requested, executing, oldestOpenSeconds, overdue, keyRefused } = figures;
  const facts = { requested, executing, held: figures.held, oldestOpenSeconds: Math.round(oldestOpenSeconds), overdue };
  const shown = `${requested} operations wait, ${executing} are at work, ${figures.held} are held`;
  const findings: Finding[] = [
    oldestOpenSeconds <= openSecondsMax || figures.held > 0
      ? well("operations", `${shown}.`, facts)
      : warning(
          "operations",
          `${shown}; the oldest was accepted ${inWords(Math.round(oldestOpenSeconds))} ago.`,
          "`keiyaku operation list --state requested executing` shows what each waits for.",
          facts,
        ),
  ];
  if (overdue > 0) {
    findings.push(
      wrong(
        "operations",
        `${overdue} operations are due, and nobody has rung for them for two minutes.`,
        "See that workers run: each sweeps every half minute, while fewer than 1000 jobs wait.",
        { overdue },
      ),
    );
  }
  if (keyRefused > 0) {
    findings.push(
      wrong(
        "operations",
        `${keyRefused} operations wait because Stripe does not let our key do what they need (401 or 403).`,
        "The workers' log and `keiyaku_stripe_calls_total` name what it may not do. Give the key that right, or set another; they go on by themselves.",
        { keyRefused },
      ),
    );
  }
  if (figures.held > 0) {
    findings.push(
      wrong(
        "operations",
        `${figures.held} operations wait for a person: ${held.map(heldInWords).join("; ")}${held.length < figures.held ? "; and more" : ""}.`,
        "`keiyaku operation show <id>` tells everything; then `keiyaku operation retry` or `abandon`.",
        { held },
      ),
    );
  }
  return findings;
}

function heldInWords({ id, kind, question, heldAt }: HeldOperation): string {
  return `${id} (${kind}, ${question}, since ${heldAt})`;
}

/** Judges what customers are still to get back. Owing is no fault; forgetting is. */
export function judgeRefunds(
  { owed, owedMinor }: LedgerFigures,
  showMoney: (minor: number, currency: string) => string,
): Finding {
  if (owed === 0) return well("refunds", "No refund is owed.", { owed });
  const sums = Object.entries(owedMinor).map(([currency, minor]) => showMoney(minor, currency));
  return warning(
    "refunds",
    `${owed} refunds are owed, ${sums.join(" and ")} in all.`,
    "Pay those that are due by hand and record them, retry those that Stripe refused: docs/runbook.md, refunds owed.",
    { owed, owedMinor },
  );
}

/** An event is looked at within seconds; ten minutes mean that nobody looks. */
const eventSecondsMax = 600;

/** Judges what Stripe has reported: what nobody looks at, and what waits for a person. */
export function judgeEvents({ events }: LedgerFigures): readonly Finding[] {
  const { received, unmatched, held, forAPerson, oldestDueSeconds } = events;
  const facts = { received, unmatched, held, forAPerson, oldestDueSeconds: Math.round(oldestDueSeconds) };
  const shown = `${received} events of Stripe's wait to be applied, ${unmatched} for their contract, ${held} are held`;
  const findings: Finding[] = [
    oldestDueSeconds <= eventSecondsMax
      ? well("events", `${shown}.`, facts)
      : wrong(
          "events",
          `${shown}; nobody has looked at the oldest for ${inWords(Math.round(oldestDueSeconds))}.`,
          "See that a worker with the role events runs (`keiyaku start events`), and what its log says.",
          facts,
        ),
  ];
  if (forAPerson > 0) {
    findings.push(
      warning(
        "events",
        `${forAPerson} events wait for a person.`,
        "`keiyaku event list --state unmatched held` shows them; then register the contract, `keiyaku event replay` or `ignore`.",
        { forAPerson },
      ),
    );
  }
  return findings;
}

/** Judges in which API versions endpoints send events: undefined when in ours alone. */
export function judgeVersions(versions: readonly string[], ours: string): Finding | undefined {
  const others = versions.filter((version) => version !== ours);
  if (others.length === 0) return undefined;
  return warning(
    "events",
    `Stripe has sent events in another API version than ${ours} within a week: ${others.join(", ")}.`,
    `Make the webhook endpoint anew with api_version=${ours}: docs/stripe-events.md. They are applied all the same, while they can be read.`,
    { versions: others },
  );
}

/** Stripe is asked every five minutes what it reported: after an hour it has failed a dozen times, or nobody asks. */
const listedSecondsMax = 3_600;

/** Stripe lists 30 days. After a week there are three left to find out why nobody reads them. */
const listedSecondsWrong = 7 * 86_400;

/** Judges how far what Stripe reports may have been missed. */
export function judgeBackfill({ eventsListedSeconds }: LedgerFigures): Finding {
  const remedy =
    "`keiyaku event backfill` does it now and says what keeps it; see that workers with the role events run.";
  if (eventsListedSeconds === null) {
    return warning("backfill", "What Stripe reported has never been listed: what does not arrive is missed.", remedy);
  }
  const seconds = Math.round(eventsListedSeconds);
  const facts = { eventsListedSeconds: seconds };
  const says = `What Stripe reported was listed to its end ${inWords(seconds)} ago.`;
  if (seconds <= listedSecondsMax) return well("backfill", says, facts);
  if (seconds <= listedSecondsWrong) return warning("backfill", says, remedy, facts);
  return wrong("backfill", `${says} After 30 days what never arrived is lost.`, remedy, facts);
}

/** A mail is sent within seconds; after this long the mail server, or every sender, is away. The alarm says the same. */
const mailWaitingSecondsMax = 900;

/** Judges the outbox: what waits too long, and what a person should know of. */
export function judgeMail(figures: MailFigures): readonly Finding[] {
  const { waiting, oldestWaitingSeconds, unknown, refused } = figures;
  const facts = { ...figures, oldestWaitingSeconds: Math.round(oldestWaitingSeconds) };
  const findings = [
    oldestWaitingSeconds <= mailWaitingSecondsMax
      ? well("mail", `${waiting} mails are to be sent.`, facts)
      : wrong(
          "mail",
          `${waiting} mails are to be sent; the oldest was caused ${inWords(facts.oldestWaitingSeconds)} ago.`,
          "`keiyaku notification list --state waiting claimed` says what keeps each; see that a process has the role notifications, and the mail server.",
          facts,
        ),
  ];
  if (unknown + refused === 0) return findings;
  return [
    ...findings,
    warning(
      "mail",
      `In the last ${mailsForAPersonDays} days ${refused} mails were refused, and of ${unknown} nobody knows whether they were sent.`,
      "`keiyaku notification list --state refused unknown` names them; then put right what was refused, and `keiyaku notification resend`.",
      { unknown, refused },
    ),
  ];
}
