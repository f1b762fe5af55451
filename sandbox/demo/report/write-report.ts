import type { CommandContext } from "../../../src/cli/context.ts";
import type { Output } from "../../../src/cli/output.ts";
import type { Account } from "../account.ts";
import type { Comparison } from "../compare/compare.ts";
import type { Work } from "../do-work.ts";
import type { Reports } from "../months/read-reports.ts";
import { subscribers } from "../months/subscribers.ts";
import type { Outcomes } from "../read-outcomes.ts";
import { writeComparison } from "./show-comparison.ts";
import { writeAccount, writeDoor } from "./show-door.ts";
import { writeEnding } from "./show-ending.ts";
import { writeAttentions, writeKinds, writeOwed, writeRejections } from "./show-outcomes.ts";
import { writeReported, writeStandings, writeStory } from "./show-reports.ts";

export interface DayReport {
  readonly account: Account;
  readonly work: Work;
  readonly outcomes: Outcomes;
}

/** Writes what became of the day's requests, and what is owed after them. */
export function writeDay(out: Output, { account, work, outcomes }: DayReport): void {
  writeAccount(out, account);
  writeKinds(out, outcomes);
  writeAttentions(out, outcomes);
  writeRejections(out, outcomes);
  writeDoor(out, work.refused, work.acceptedBySql, outcomes);
  writeOwed(out, outcomes);
}

/** Writes what Stripe reported, how the contracts of the three months stand, and the story of one of them. */
export async function writeMonths(out: Output, commands: CommandContext, reports: Reports): Promise<void> {
  writeReported(out, reports);
  writeStandings(out, reports);
  await writeStory(out, commands, subscribers.recovering);
}

export interface EndReport extends Pick<DayReport, "work" | "outcomes"> {
  readonly comparison: Comparison;
  readonly failures: readonly string[];
  readonly totalMs: number;
  /** The demo's folder as a person at this terminal would write it. */
  readonly dataDir: string;
}

/** Writes the comparison of both chapters, how the demo ended, and what to look at next. */
export function writeEnd(out: Output, { work, outcomes, comparison, ...ending }: EndReport): void {
  writeComparison(out, comparison);
  writeEnding(out, { ...ending, concluded: work.concluded, workMs: work.tookMs, owed: outcomes.owed });
}
