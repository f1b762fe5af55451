import { grouped, ownerOfKey, type RestJudge } from "./evidence.ts";

export const callsTookEffect: RestJudge = {
  id: "I3",
  claim: "Every call of an operation that succeeded is in Stripe's books, its effect once.",
  judge({ tables, seenCalls, ledger, requests }) {
    const succeeded = new Set(tables.operations.filter(({ state }) => state === "succeeded").map(({ id }) => id));
    const calls = seenCalls.filter(({ type, operation_id }) => type === "call" && succeeded.has(operation_id));
    const keys = new Set(requests.map(({ idempotencyKey }) => idempotencyKey));
    const canceled = new Set(
      ledger.filter(({ effect }) => effect === "subscription.canceled").map(({ objectId }) => objectId),
    );
    const refunds = grouped(
      ledger.filter(({ effect }) => effect === "refund.created"),
      ({ metadata }) => `${metadata.keiyaku_operation ?? ""} ${metadata.keiyaku_refund ?? ""}`,
    );
    const violations: string[] = [];
    for (const { operation_id, name, request, idempotency_key, answer } of calls) {
      const call = `${operation_id} ${name}`;
      if (answer?.type !== "done") continue;
      if (request.verb === "cancel_subscription") {
        if (!canceled.has(String(request.subscriptionId))) violations.push(`${call}: the subscription runs at Stripe`);
      } else if (!keys.has(idempotency_key ?? "")) {
        violations.push(`${call} was never sent under its key`);
      }
      if (request.verb !== "refund_payment") continue;
      const count = refunds.get(`${operation_id} ${String(request.refundId)}`)?.length ?? 0;
      if (count !== 1) violations.push(`${call} made ${count} refunds`);
    }
    const byKey = grouped(
      ledger.filter(({ idempotencyKey }) => ownerOfKey(idempotencyKey)),
      ({ idempotencyKey, effect, objectId }) => `${idempotencyKey} ${effect} ${objectId}`,
    );
    for (const [effect, times] of byKey)
      if (times.length > 1) violations.push(`${effect} took place ${times.length} times`);
    return { checked: calls.length + byKey.size, violations };
  },
};
