import { grouped, ownerOfKey, type SafetyJudge } from "./evidence.ts";

/** Both clocks are this machine's, read by two processes and rounded to the millisecond. */
const roundingMs = 3;

/** Statuses with which Stripe answers before it does anything. */
const turnedAway: readonly number[] = [401, 403, 429];

export const journaledBeforeSent: SafetyJudge = {
  id: "I16",
  claim: "Nothing is changed at Stripe that was not written into the journal before.",
  judge({ requests, seenCalls, tables }) {
    // A deletion erases the journal of all operations of its contract, its own included.
    const deleting = tables.operations.filter(({ kind, state }) => kind === "delete" && state === "succeeded");
    const erased = new Set([...tables.erased, ...deleting.map(({ id }) => id)]);
    const calls = grouped(seenCalls, ({ operation_id, name }) => `${operation_id} ${name}`);
    const deletions = grouped(
      seenCalls.filter(({ request }) => request.verb === "cancel_subscription"),
      ({ request }) => String(request.subscriptionId),
    );
    const violations: string[] = [];
    let checked = 0;
    for (const { method, path, at, idempotencyKey, status } of requests) {
      const owner = ownerOfKey(idempotencyKey);
      const isDeletion = method === "DELETE" && !path.includes("dashboard");
      if (owner === undefined && !isDeletion) continue;
      checked += 1;
      const subscription = path.split("?", 1)[0]?.split("/").at(-1) ?? "";
      const rows = owner === undefined ? deletions.get(subscription) : calls.get(`${owner.operationId} ${owner.call}`);
      if (rows === undefined) {
        // What was erased with its contract before anybody looked is known by the operation's id alone.
        const isErased = owner === undefined ? erased.size > 0 : erased.has(owner.operationId);
        if (!isErased) violations.push(`${method} ${path} under ${idempotencyKey ?? "no key"} is in no journal`);
        continue;
      }
      // The journal names the first sending that may have done something, and these were turned away before.
      if (status !== null && turnedAway.includes(status)) continue;
      const isEarlier = rows.some(
        ({ first_sent_at_ms, key_number, idempotency_key }) =>
          first_sent_at_ms === null ||
          (key_number ?? 1) > 1 ||
          (owner !== undefined && idempotency_key !== idempotencyKey) ||
          first_sent_at_ms <= at + roundingMs,
      );
      if (!isEarlier) violations.push(`${method} ${path} left before its journal was written`);
    }
    return { checked, violations };
  },
};
