import { type AuditReport, audit as auditAll, beginAudit, findUnfinishedAudit } from "../audit/audit.ts";
import { invariants } from "../audit/invariants.ts";
import type { AuditViolation } from "../store/audit-page.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { nothingToResume, overtaken } from "./resuming.ts";
import { showTable } from "./show-table.ts";
import { withProgress } from "./with-progress.ts";

export interface AuditOptions {
  /** Whether to go on with the last one that was interrupted. */
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** As many of each invariant as show what is wrong; the count is of all. */
const namedMax = 10;

/** Checks every invariant on our tables, tells how much of each holds, and names the first few violations of each. */
export async function audit(context: CommandContext, { resume, json = false }: AuditOptions): Promise<ExitCode> {
  const { db, signal } = context;
  const check = await (resume === true ? findUnfinishedAudit(db, "command") : beginAudit(db, "command"));
  if (check === undefined) throw nothingToResume("audit");
  const violations = new Map<string, AuditViolation[]>();
  const report = await withProgress(context, "Auditing", (progress) =>
    auditAll(
      {
        db,
        stopping: signal,
        onViolation({ id }, violation) {
          const named = violations.get(id) ?? [];
          if (named.length < namedMax) violations.set(id, [...named, violation]);
        },
        onPage: ({ counts }, { id }, share) =>
          progress(share, `${id}, ${(counts[id]?.checked ?? 0).toLocaleString("en")} checked`),
      },
      check,
    ),
  );
  if (json) writeJson(context.out, asJson(report, violations));
  else tell(context, report, violations);
  if (report.type === "overtaken") throw overtaken("audit");
  if (report.type === "interrupted") {
    writeLine(context.err, "Interrupted. `keiyaku audit --resume` goes on from here.");
    signal.throwIfAborted();
  }
  return Object.values(report.counts).some((count) => count.violations > 0) ? exitCodes.failed : exitCodes.done;
}

type Named = ReadonlyMap<string, readonly AuditViolation[]>;

function asJson({ type, counts }: AuditReport, violations: Named): object {
  return {
    ended: type,
    invariants: invariants.map(({ id, claim, subjects }) => ({
      id,
      claim,
      subjects,
      ...(counts[id] ?? { checked: 0, violations: 0 }),
      named: violations.get(id) ?? [],
    })),
  };
}

function tell({ out }: CommandContext, { counts }: AuditReport, violations: Named): void {
  const rows = invariants.map(({ id, claim, subjects }) => {
    const { checked, violations: wrong } = counts[id] ?? { checked: 0, violations: 0 };
    const shown = wrong.toLocaleString("en");
    return [id, `${checked.toLocaleString("en")} ${subjects}`, wrong > 0 ? paint(out, "red", shown) : shown, claim];
  });
  out.write(showTable(out, ["", "checked", { head: "violations", align: "right" }, "what must hold"], rows));
  for (const [id, named] of violations) {
    const total = counts[id as keyof typeof counts]?.violations ?? 0;
    writeLine(out);
    writeLine(
      out,
      `${id}${named.length < total ? `, the first ${named.length} of ${total.toLocaleString("en")}` : ""}`,
    );
    for (const { subject, detail } of named) writeLine(out, `  ${plainText(subject, 120)}  ${plainText(detail)}`);
  }
}
