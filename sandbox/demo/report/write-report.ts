import type { Output } from "../../../src/cli/output.ts";
import type { Account } from "../account.ts";
import type { Comparison } from "../compare/compare.ts";
import type { Work } from "../do-work.ts";
import type { Outcomes } from "../read-outcomes.ts";
import { writeComparison } from "./show-comparison.ts";
import { writeAccount, writeDoor } from "./show-door.ts";
import { writeEnding } from "./show-ending.ts";
import { writeAttentions, writeKinds, writeOwed, writeRejections } from "./show-outcomes.ts";

export interface Report {
  readonly account: Account;
  readonly work: Work;
  readonly outcomes: Outcomes;
  readonly comparison: Comparison;
  readonly failures: readonly string[];
  readonly totalMs: number;
  /** The demo's folder as a person at this terminal would write it. */
  readonly dataDir: string;
}

/** Writes what a newcomer sees: from what became of the requests to what to look at next. */
export function writeReport(out: Output, { account, work, outcomes, comparison, ...ending }: Report): void {
  writeAccount(out, account);
  writeKinds(out, outcomes);
  writeAttentions(out, outcomes);
  writeRejections(out, outcomes);
  writeDoor(out, work.refused, work.acceptedBySql, outcomes);
  writeOwed(out, outcomes);
  writeComparison(out, comparison);
  writeEnding(out, { ...ending, concluded: work.concluded, workMs: work.tookMs, owed: outcomes.owed });
}
