import { audit } from "../../../src/cli/audit.ts";
import type { CommandContext } from "../../../src/cli/context.ts";
import { type Output, paint, writeLine } from "../../../src/cli/output.ts";
import { showTable } from "../../../src/cli/show-table.ts";
import { showStatus } from "../../../src/cli/words.ts";
import { ruleOf } from "../../../src/contract/operations/index.ts";
import type { YearReport } from "../year/read-year.ts";
import { showCount } from "./show-count.ts";
import { writeHeading } from "./write-heading.ts";

/** How the contracts of the year stand at its end, and what its dates have brought. */
export function writeYear(out: Output, { standings, brought, dates }: Omit<YearReport, "auditHolds">): void {
  const right = (head: string) => ({ head, align: "right" }) as const;
  writeHeading(out, "How the contracts stand after the year");
  const rows = standings.map(({ contract: { contractId, method, story }, is: { status, payments, open } }) => [
    contractId,
    method,
    story,
    showStatus(status),
    payments,
    open,
  ]);
  out.write(showTable(out, ["contract", "paid by", "what happened", "status", "payments", "open periods"], rows));
  writeHeading(out, `What the ${showCount(dates)} dates brought`);
  out.write(
    showTable(
      out,
      ["kind", "操作", right("succeeded"), right("rejected"), right("of earlier contracts")],
      brought.map(({ kind, succeeded, rejected, ofOthers }) => [
        kind,
        ruleOf(kind).button.ja,
        ...[succeeded, rejected, ofOthers].map(showCount),
      ]),
    ),
  );
}

/** The audit, by the same function as `keiyaku audit`. Returns whether everything holds. */
export async function writeAudit(out: Output, commands: CommandContext): Promise<boolean> {
  writeHeading(out, "What must always hold, checked on every row");
  writeLine(out, `  ${paint(out, "cyan", "keiyaku audit")}`);
  return (await audit(commands, {})) === 0;
}
