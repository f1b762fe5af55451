import type { SafetyJudge } from "./evidence.ts";

export const versionsGrow: SafetyJudge = {
  id: "I8",
  claim:
    "A contract changes only together with its version, which never falls, and names the operation that changed it.",
  judge({ tables, before }) {
    const violations: string[] = [];
    const earlier = new Map(before?.contracts.map((row) => [row.id, row]));
    const operations = new Map(tables.operations.map((row) => [row.id, row]));
    for (const { id, version, digest, changed_by_operation_id } of tables.contracts) {
      const then = earlier.get(id);
      if (then !== undefined && version < then.version)
        violations.push(`${id} fell from ${then.version} to ${version}`);
      if (then !== undefined && version === then.version && digest !== then.digest) {
        violations.push(`${id} changed and kept its version ${version}`);
      }
      const by = operations.get(changed_by_operation_id);
      if (by?.contract_id !== id)
        violations.push(`${id} was changed by ${changed_by_operation_id}, which is none of its`);
    }
    const children = { payments: tables.payments, refunds: tables.refunds };
    for (const [table, rows] of Object.entries(children)) {
      const then = new Map(
        (before?.[table as keyof typeof children] ?? []).map((row) => [row.id, JSON.stringify(row)]),
      );
      for (const row of rows) {
        const contract = tables.contracts.find(({ id }) => id === row.contract_id);
        const was = earlier.get(row.contract_id);
        const isSame = contract === undefined || was === undefined || contract.version > was.version;
        if (!isSame && then.get(row.id) !== JSON.stringify(row)) {
          violations.push(`${row.id} of ${table} changed, and ${row.contract_id} kept its version`);
        }
      }
    }
    return { checked: tables.contracts.length, violations };
  },
};
