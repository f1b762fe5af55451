import { grouped, ownerOfKey, type SafetyJudge } from "./evidence.ts";

/** What the ledger says went back, less what came back to us of it. */
export function refundedOf(effects: Parameters<SafetyJudge["judge"]>[0]["ledger"]): number {
  return effects.reduce((sum, { effect, object, status, amount = 0 }) => {
    if (effect === "refund.created") return sum + amount;
    if (effect === "refund.failed" || effect === "refund.canceled") return sum - amount;
    const counts = effect === "seeded" && object === "refund" && status !== "failed" && status !== "canceled";
    return counts ? sum + amount : sum;
  }, 0);
}

export const refundedOnce: SafetyJudge = {
  id: "I1",
  claim: "No payment is refunded by more than one request of ours, and no charge over more than it took.",
  judge({ ledger }) {
    const made = ledger.filter(
      ({ effect, idempotencyKey }) => effect === "refund.created" && ownerOfKey(idempotencyKey),
    );
    const byRow = grouped(made, ({ metadata }) => metadata.keiyaku_refund ?? "");
    const violations: string[] = [];
    for (const [row, refunds] of byRow) {
      const failed = ledger.filter(
        ({ effect, objectId }) =>
          (effect === "refund.failed" || effect === "refund.canceled") &&
          refunds.some((each) => each.objectId === objectId),
      );
      if (row === "") violations.push(`${refunds.length} refunds of ours name no row`);
      else if (refunds.length - failed.length > 1) violations.push(`${row} was refunded ${refunds.length} times`);
    }
    const ofCharges = grouped(
      ledger.filter(({ charge, object }) => charge !== undefined || object === "charge"),
      ({ charge, object, objectId }) => (object === "charge" ? objectId : (charge ?? "")),
    );
    for (const [charge, effects] of ofCharges) {
      const taken = effects
        .filter(({ object, effect }) => object === "charge" && (effect === "seeded" || effect === "charge.succeeded"))
        .reduce((sum, { amount = 0 }) => sum + amount, 0);
      const refunded = refundedOf(effects);
      if (refunded > taken) violations.push(`${charge} took ${taken}, and ${refunded} of it was refunded`);
    }
    return { checked: byRow.size + ofCharges.size, violations };
  },
};
