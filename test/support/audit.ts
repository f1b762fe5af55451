import { audit, beginAudit } from "../../src/audit/audit.ts";
import type { InvariantId } from "../../src/audit/invariant.ts";
import type { TestStore } from "./test-database.ts";

/** Audits a database; gives each violation as `invariant subject: what is wrong`, and how much of each was checked. */
export async function auditOf({ db }: Pick<TestStore, "db">, pageSize = 100) {
  const violations: string[] = [];
  const { type, counts } = await audit(
    {
      db,
      onViolation: ({ id }, { subject, detail }) => void violations.push(`${id} ${subject}: ${detail}`),
      stopping: new AbortController().signal,
      pageSize,
    },
    await beginAudit(db, "command"),
  );
  const checked = Object.fromEntries(Object.entries(counts).map(([id, count]) => [id, count.checked]));
  return { type, violations, checked: checked as Record<InvariantId, number> };
}
