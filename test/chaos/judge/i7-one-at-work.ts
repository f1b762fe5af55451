import { grouped, type SafetyJudge } from "./evidence.ts";

export const oneAtWork: SafetyJudge = {
  id: "I7",
  claim: "At most one operation is at work on a contract, and no two have called Stripe for it at the same time.",
  judge({ tables, seenCalls, seenOperations }) {
    const violations: string[] = [];
    const occupied = grouped(
      tables.operations.filter(({ occupies, state }) => occupies || state === "executing"),
      ({ contract_id }) => contract_id,
    );
    for (const [contract, rows] of occupied) {
      if (rows.length > 1) violations.push(`${contract} is occupied by ${rows.map(({ id }) => id).join(" and ")}`);
    }
    const operations = new Map(seenOperations.map((row) => [row.id, row]));
    // From the first sending of an operation's first call until its end, nobody else's call may begin.
    const spans = seenCalls
      .filter(({ type, first_sent_at_ms }) => type === "call" && first_sent_at_ms !== null)
      .map(({ operation_id, first_sent_at_ms, answered_at_ms }) => {
        const operation = operations.get(operation_id);
        const end = answered_at_ms ?? operation?.concluded_at_ms ?? Number.POSITIVE_INFINITY;
        return { operation_id, contract: operation?.contract_id ?? operation_id, from: first_sent_at_ms ?? 0, to: end };
      });
    for (const own of grouped(spans, ({ contract }) => contract).values()) {
      const ordered = own.toSorted((a, b) => a.from - b.from);
      for (const [index, span] of ordered.entries()) {
        const overlapping = ordered
          .slice(0, index)
          .find((earlier) => earlier.operation_id !== span.operation_id && earlier.to > span.from);
        if (overlapping !== undefined) {
          violations.push(`${span.operation_id} called for ${span.contract} while ${overlapping.operation_id} did`);
        }
      }
    }
    return { checked: occupied.size + spans.length, violations };
  },
};
