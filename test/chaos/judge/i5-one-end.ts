import { grouped, type OperationRow, type SafetyJudge } from "./evidence.ts";

const final = ["succeeded", "rejected", "abandoned"];

export const oneEnd: SafetyJudge = {
  id: "I5",
  claim: "An operation has one end, which never changes, and causes each mail once.",
  judge({ tables, before }) {
    const violations: string[] = [];
    let checked = 0;
    const now = new Map(tables.operations.map((row) => [row.id, row]));
    const erased = new Set(tables.erased);
    for (const earlier of before?.operations ?? []) {
      if (!final.includes(earlier.state)) continue;
      checked += 1;
      const row = now.get(earlier.id);
      if (row === undefined) {
        if (!erased.has(earlier.id)) violations.push(`${earlier.id} was ${earlier.state} and is gone`);
      } else if (endOf(row) !== endOf(earlier)) {
        violations.push(`${earlier.id} ended as ${endOf(earlier)}, and then as ${endOf(row)}`);
      }
    }
    const mails = grouped(tables.notifications, ({ cause, kind, recipient }) => `${cause} ${kind} ${recipient}`);
    for (const [mail, rows] of mails) if (rows.length > 1) violations.push(`${mail} is there ${rows.length} times`);
    return { checked: checked + mails.size, violations };
  },
};

function endOf({ state, concluded_at_ms, rejection_code, outcome }: OperationRow): string {
  return JSON.stringify([state, concluded_at_ms, rejection_code, outcome]);
}
