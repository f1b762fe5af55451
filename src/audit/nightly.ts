import type { Logger } from "pino";
import { type AuditDeps, type AuditReport, audit, beginAudit, findUnfinishedAudit } from "./audit.ts";

/** What the night's audit needs. */
export interface NightlyAuditDeps extends Pick<AuditDeps, "db" | "stopping"> {
  readonly log: Pick<Logger, "info" | "error">;
}

/**
 * Audits the books, from where the last night was interrupted if it was. What it found stays in `book_checks`, where the
 * metrics read it.
 *
 * Several processes may do it at once: one of them goes on. Throws what the database does.
 */
export async function auditNightly(deps: NightlyAuditDeps): Promise<AuditReport> {
  const { db, log } = deps;
  const check = (await findUnfinishedAudit(db, "nightly")) ?? (await beginAudit(db, "nightly"));
  const report = await audit(
    {
      ...deps,
      onViolation: ({ id }, { subject }) => log.error({ invariant: id, subject }, "the books violate an invariant"),
    },
    check,
  );
  if (report.type === "finished") log.info({ counts: report.counts }, "the books were audited");
  return report;
}
