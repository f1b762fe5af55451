import { grouped, ownerOfKey, type SafetyJudge } from "./evidence.ts";

export const refusedMeansNothingHappened: SafetyJudge = {
  id: "I9",
  claim:
    "Nobody is told that something was refused which took effect at Stripe, and no end is told that is not the ledger's.",
  judge({ tables, told, ledger }) {
    const rows = new Map(tables.operations.map((row) => [row.id, row]));
    const effects = grouped(ledger, ({ idempotencyKey }) => ownerOfKey(idempotencyKey)?.operationId ?? "");
    const violations: string[] = [];
    let checked = 0;
    for (const { operationId, said } of told) {
      if (typeof said === "string") continue;
      checked += 1;
      const row = rows.get(operationId);
      if (
        row !== undefined &&
        ["succeeded", "rejected", "abandoned"].includes(said.state) &&
        row.state !== said.state
      ) {
        violations.push(`${operationId} was told to be ${said.state}, and is ${row.state}`);
      }
    }
    for (const { id, state } of tables.operations) {
      if (state !== "rejected") continue;
      checked += 1;
      const own = effects.get(id) ?? [];
      const keys = new Set(own.map(({ idempotencyKey }) => idempotencyKey));
      // A first call that the world had overtaken is undone by a second one.
      const isUndone = own.every(({ effect }) => effect === "subscription.updated") && keys.size === 2;
      if (own.length > 0 && !isUndone) violations.push(`${id} was rejected, and ${own[0]?.effect} took place`);
    }
    return { checked, violations };
  },
};
