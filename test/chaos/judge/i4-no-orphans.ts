import { ownerOfKey, type RestJudge } from "./evidence.ts";

export const noOrphans: RestJudge = {
  id: "I4",
  claim:
    "What took effect at Stripe under a key of ours belongs to an operation that succeeded, was undone, or is held.",
  judge({ tables, ledger }) {
    const rows = new Map(tables.operations.map((row) => [row.id, row]));
    const erased = new Set(tables.erased);
    const ours = ledger.flatMap((effect) => {
      const owner = ownerOfKey(effect.idempotencyKey);
      return owner === undefined ? [] : [{ ...effect, ...owner }];
    });
    const violations = ours.flatMap(({ operationId, effect, objectId, idempotencyKey }) => {
      const row = rows.get(operationId);
      if (row === undefined)
        return erased.has(operationId) ? [] : [`${effect} of ${objectId}: there is no ${operationId}`];
      if (row.state === "succeeded" || row.state === "held" || row.state === "abandoned") return [];
      // An operation that saw the world move under its first call has undone it before it was refused.
      const isUndone =
        row.state === "rejected" &&
        effect === "subscription.updated" &&
        ours.some((other) => other.operationId === operationId && other.idempotencyKey !== idempotencyKey);
      return isUndone ? [] : [`${effect} of ${objectId}: ${operationId} is ${row.state}`];
    });
    return { checked: ours.length, violations };
  },
};
