import { type Output, paint, writeLine } from "../../../src/cli/output.ts";
import { subscribers } from "../months/subscribers.ts";
import type { Outcomes } from "../read-outcomes.ts";
import { showCount } from "./show-count.ts";
import { writeHeading } from "./write-heading.ts";

export interface Ending {
  readonly failures: readonly string[];
  readonly concluded: number;
  readonly workMs: number;
  readonly totalMs: number;
  /** As a person at this terminal would write it. */
  readonly dataDir: string;
  readonly owed: Outcomes["owed"];
}

/** How it ended, how long it took, and what can be looked at next. */
export function writeEnding(out: Output, { failures, concluded, workMs, totalMs, dataDir, owed }: Ending): void {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  writeLine(out);
  for (const failure of failures) writeLine(out, `${paint(out, "red", "✘")} ${failure}`);
  const perSecond = showCount(Math.round(concluded / (workMs / 1_000)));
  const sentence = `${showCount(concluded)} operations in ${seconds(workMs)}, ${perSecond} a second; ${seconds(totalMs)} in all.`;
  writeLine(out, failures.length === 0 ? `${paint(out, "green", "✔")} ${sentence}` : sentence);

  const contractId = owed.find(({ refusalCode }) => refusalCode !== null)?.contractId ?? "K-0001";
  const over = `KEIYAKU_DATA_DIR=${dataDir}`;
  writeHeading(out, "What to look at next");
  const next: readonly (readonly [string, string])[] = [
    ["Every line that was compared, with both of its sides", `less ${dataDir}/comparison.txt`],
    ["A contract, its money and all that was asked of it", `${over} npm run cli -- contract show ${contractId}`],
    [
      "What Stripe reported of another",
      `${over} npm run cli -- event list --contract ${subscribers.recovering.contractId}`,
    ],
    ["What each date of the year brought", `${over} npm run cli -- maintenance list`],
    ["What was rejected", `${over} npm run cli -- operation list --state rejected`],
    ["The same shop with a worker running", `${over} npm start`],
    ["The comparison when something is wrong", "npm run demo -- --plant refund"],
  ];
  for (const [words, command] of next) writeLine(out, `  ${words}\n    ${paint(out, "cyan", command)}`);
}
