import type { CommandContext } from "../../../src/cli/context.ts";
import { contractShow } from "../../../src/cli/contract-show.ts";
import { type Output, paint, writeLine } from "../../../src/cli/output.ts";
import { showTable } from "../../../src/cli/show-table.ts";
import { showStatus } from "../../../src/cli/words.ts";
import type { ReportedType, Reports, Standing } from "../months/read-reports.ts";
import type { Subscriber } from "../months/subscribers.ts";
import { showCount } from "./show-count.ts";
import { writeHeading } from "./write-heading.ts";

/** What Stripe reported on this day and in the three months, and what became of it. */
export function writeReported(out: Output, { types }: Reports): void {
  writeHeading(out, "What Stripe reported, and what became of it");
  const right = (head: string) => ({ head, align: "right" }) as const;
  const heads = ["reported", "became operations", "our own calls", "nothing follows", "found by the back-fill"];
  const counts = (row: Omit<ReportedType, "type">) =>
    [row.reported, row.applied, row.ownCalls, row.ignored, row.found].map(showCount);
  const sum = (name: keyof Omit<ReportedType, "type">) => types.reduce((total, row) => total + row[name], 0);
  const all = {
    reported: sum("reported"),
    applied: sum("applied"),
    ownCalls: sum("ownCalls"),
    ignored: sum("ignored"),
    waiting: sum("waiting"),
    found: sum("found"),
  };
  const rows = [...types.map((row) => [row.type, ...counts(row)]), ["all", ...counts(all)]];
  out.write(showTable(out, ["event", ...heads.map(right)], rows));
}

/** How the contracts of the three months stand at their end. */
export function writeStandings(out: Output, { standings }: Reports): void {
  writeHeading(out, "How the contracts stand after three months");
  const rows = standings.map(({ subscriber, status, payments, open }: Standing) => [
    subscriber.contractId,
    subscriber.story,
    showStatus(status),
    payments.join(", "),
    open.join(" ") || "–",
  ]);
  out.write(showTable(out, ["contract", "what happened", "status", "payments", "open periods"], rows));
}

/** The story of one contract, by the same function as `keiyaku contract show`. */
export async function writeStory(
  out: Output,
  commands: CommandContext,
  { contractId, story }: Subscriber,
): Promise<void> {
  writeHeading(out, `${contractId}, ${story}: as an operator reads it`);
  writeLine(out, `  ${paint(out, "cyan", `keiyaku contract show ${contractId}`)}`);
  const dates = "Payments are dated by the test clock, which Stripe's months passed on; all else by this machine's.";
  writeLine(out, `  ${paint(out, "dim", dates)}`);
  await contractShow({ ...commands, err: commands.out }, { contractId });
}
