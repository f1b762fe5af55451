import type { RestJudge } from "./evidence.ts";

export const unknownsResolved: RestJudge = {
  id: "I22",
  claim: "Every call of an operation that has ended has its answer, and the journal says whence it is known.",
  judge({ tables, ledger }) {
    const states = new Map(tables.operations.map(({ id, state }) => [id, state]));
    const requests = new Set(ledger.map(({ requestId }) => requestId));
    const violations: string[] = [];
    const calls = tables.calls.filter(
      ({ type, operation_id }) => type === "call" && states.get(operation_id) !== "held",
    );
    for (const { operation_id, name, answer, learned_by, request_id, request } of calls) {
      const call = `${operation_id} ${name}`;
      if (answer === null) violations.push(`${call} of an operation that is ${states.get(operation_id)} has no answer`);
      else if (learned_by === null) violations.push(`${call} does not say whence its answer is known`);
      else if (learned_by === "reply" && answer.type === "done" && request.verb === "refund_payment") {
        // A refund is one request, which the ledger names: the one that answered, or the one that it replayed.
        if (request_id === null || requests.size === 0) violations.push(`${call} names no request that answered`);
      }
    }
    return { checked: calls.length, violations };
  },
};
