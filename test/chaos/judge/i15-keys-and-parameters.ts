import { grouped, ownerOfKey, type SafetyJudge } from "./evidence.ts";

/** From the first key of a call: those after it are of a later number, or of an attempt that saw a refusal. */
const firstKey = /:1$/;

export const keysAndParameters: SafetyJudge = {
  id: "I15",
  claim: "A key goes with the same parameters always, and a call has one key unless the journal shows why not.",
  judge({ requests, seenCalls, tables }) {
    const erased = new Set(tables.erased);
    const keyed = requests.filter(({ idempotencyKey }) => ownerOfKey(idempotencyKey));
    const byKey = grouped(keyed, ({ idempotencyKey }) => idempotencyKey ?? "");
    const violations: string[] = [];
    for (const [key, sendings] of byKey) {
      const [first, ...others] = sendings.map(
        ({ method, path, parametersDigest }) => `${method} ${path} ${parametersDigest}`,
      );
      if (others.some((other) => other !== first)) violations.push(`${key} was sent with other parameters`);
    }
    const calls = grouped(seenCalls, ({ operation_id, name }) => `${operation_id} ${name}`);
    for (const key of byKey.keys()) {
      if (firstKey.test(key)) continue;
      const { operationId, call } = ownerOfKey(key) ?? { operationId: "", call: "" };
      // What was erased with its contract before anybody looked.
      if (erased.has(operationId)) continue;
      const isJournaled = (calls.get(`${operationId} ${call}`) ?? []).some(
        ({ idempotency_key }) => idempotency_key === key,
      );
      if (!isJournaled) violations.push(`${key} is another key than its journal has`);
    }
    return { checked: byKey.size, violations };
  },
};
