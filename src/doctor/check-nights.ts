import { owedSeconds, type RunTime } from "../maintenance/owed-dates.ts";
import type { BookFigures } from "../store/read-ledger-figures.ts";
import type { RunFigures } from "../store/read-run-figures.ts";
import { type Finding, warning, well, wrong } from "./finding.ts";
import { inWords } from "./in-words.ts";

/** A date's run takes as long as its operations do; the alarm says the same. */
const owedSecondsMax = 4 * 3_600;

/** Two nights without a look; the alarm says the same. */
const bookSecondsMax = 2 * 86_400;

/** Judges whether what dates bring has been done, and what of it waits for a person. */
export function judgeRuns(figures: RunFigures, time: RunTime): readonly Finding[] {
  const { lastOn, runningOn, held, now } = figures;
  const seconds = Math.round(owedSeconds(figures, now, time));
  const facts = { lastOn, runningOn, owedSeconds: seconds, held };
  const remedy =
    "See that a process has the role maintenance, or call `keiyaku maintenance run`; `maintenance show` tells what a run waits for.";
  const last = `The last date with a run is ${lastOn}, and it is ${runningOn === null ? "done" : "under way"}`;
  const isLate = seconds > owedSecondsMax;
  const findings = [
    lastOn === null
      ? warning("dates", "No date has had its run yet.", remedy, facts)
      : isLate
        ? wrong("dates", `${last}; the oldest owed one was due ${inWords(seconds)} ago.`, remedy, facts)
        : well("dates", `${last}.`, facts),
  ];
  if (held === 0) return findings;
  return [
    ...findings,
    warning(
      "dates",
      `Of what dates brought ${held} operations wait for a person.`,
      "`keiyaku operation list --state held` names them; decide about each with `operation retry` or `operation abandon`.",
      { held },
    ),
  ];
}

/** Judges what the last looks through the books found, and how long ago they were. */
export function judgeBooks({ audit, reconcile }: BookFigures): readonly Finding[] {
  const violations = Object.values(audit?.counts ?? {}).reduce((sum, count) => sum + (count?.violations ?? 0), 0);
  // The boundaries of a month's end are noted, never overruled: nobody has to do anything about them.
  const { period_end_differs: _, ...differing } = reconcile?.counts.differences ?? {};
  const differences = Object.values(differing).reduce((sum, count) => sum + count, 0);
  return [
    violations === 0
      ? judgeAge("audited", audit?.ageSeconds)
      : wrong(
          "books",
          `The last audit found ${violations} violations in our own tables.`,
          "`keiyaku audit` names the first of each; change nothing by hand before it is understood.",
          { violations: audit?.counts },
        ),
    differences === 0
      ? judgeAge("held against Stripe", reconcile?.ageSeconds)
      : warning(
          "books",
          `The last look found ${differences} differences between our books and Stripe's.`,
          "`keiyaku reconcile` names each and what puts it right; `--repair` asks for what is safe.",
          { differences: differing },
        ),
  ];
}

function judgeAge(look: string, ageSeconds: number | undefined): Finding {
  const remedy = "The role maintenance does it each night; `keiyaku audit` and `keiyaku reconcile` do it now.";
  if (ageSeconds === undefined) return warning("books", `No night has ${look} the books yet.`, remedy);
  const seconds = Math.round(ageSeconds);
  const says = `The books were ${look} ${inWords(seconds)} ago.`;
  return seconds <= bookSecondsMax ? well("books", says) : warning("books", says, remedy);
}
