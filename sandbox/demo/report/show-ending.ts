import { type Output, paint, writeLine } from "../../../src/cli/output.ts";
import { showFacts } from "../../../src/cli/show-table.ts";
import type { Outcomes } from "../read-outcomes.ts";
import { showCount } from "./show-count.ts";
import { writeHeading } from "./show-outcomes.ts";

export interface Ending {
  readonly failures: readonly string[];
  readonly concluded: number;
  readonly workMs: number;
  readonly totalMs: number;
  /** As a person at this terminal would write it. */
  readonly dataDir: string;
  readonly outcomes: Outcomes;
}

/** How it ended, how long it took, and what can be looked at next. */
export function writeEnding(out: Output, { failures, concluded, workMs, totalMs, dataDir, outcomes }: Ending): void {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  writeLine(out);
  for (const failure of failures) writeLine(out, `${paint(out, "red", "✘")} ${failure}`);
  const perSecond = showCount(Math.round(concluded / (workMs / 1_000)));
  const sentence = `${showCount(concluded)} operations in ${seconds(workMs)}, ${perSecond} a second; ${seconds(totalMs)} in all.`;
  writeLine(out, failures.length === 0 ? `${paint(out, "green", "✔")} ${sentence}` : sentence);

  const contractId = outcomes.owed.find(({ refusalCode }) => refusalCode !== null)?.contractId ?? "K-0001";
  const over = `KEIYAKU_DATA_DIR=${dataDir}`;
  writeHeading(out, "What to look at next");
  out.write(
    showFacts(out, [
      ["every line that was compared", `${dataDir}/comparison.txt`],
      ["a contract and all that befell it", `${over} npm run cli -- contract show ${contractId}`],
      ["the rejected operations", `${over} npm run cli -- operation list --state rejected`],
      ["the same shop, worker running", `${over} npm start`],
      ["a comparison that finds something", "npm run demo -- --plant refund"],
    ]),
  );
}
