import { describe, expect, it } from "vitest";
import { settleOperation } from "../../../src/store/settle-operation.ts";
import { addOperations } from "../../support/store-rows.ts";
import {
  addCardContract,
  eventOf,
  type InboxBench,
  paymentFailed,
  setUpInbox,
  subscriptionUpdated,
} from "./set-up-inbox.ts";

/** A contract `c-1` with `sub_1`, and a deletion of it that has been admitted. */
async function setUp(): Promise<InboxBench & { erase(stripeIds?: readonly string[]): Promise<unknown> }> {
  const inbox = await setUpInbox();
  await addCardContract(inbox);
  return {
    ...inbox,
    async erase(stripeIds = ["cus_1", "sub_1"]) {
      await addOperations(inbox.sql, { id: "delete-1", kind: "delete", state: "executing" });
      return settleOperation(inbox.db, {
        guard: { operationId: "delete-1", state: "executing", attempt: 1 },
        contractId: "c-1",
        contract: { contractId: "c-1", version: 1 },
        product: null,
        change: { deletion: { customerId: null, stripeIds, payments: [] } },
        outcome: {},
      });
    },
  };
}

describe("the deletion of a contract", () => {
  it("forgets what was applied, ignored or held of it, and who wanted what and why; ids stay", async () => {
    const inbox = await setUp();
    const applied = await inbox.report(subscriptionUpdated());
    const held = await inbox.report(eventOf("customer.subscription.deleted", { id: "sub_1" }));
    await inbox.sql`update keiyaku.stripe_events set state = 'held', state_reason = 'failed: 22023', operation_id = null,
      concluded_at = null where id = ${held.id}`;
    await inbox.sql`update keiyaku.stripe_events set state_reason = 'replayed by operator alice: Hanako asked'
      where id = ${applied.id}`;
    const of = new Set([applied.id, held.id]);

    await inbox.erase();

    const events = new Map((await inbox.events()).map((event) => [event.id, event]));
    for (const id of of) expect(events.get(id)).toMatchObject({ body: null, contract_id: "c-1" });
    expect(events.get(applied.id)).toMatchObject({ state: "applied", state_reason: "replayed by operator" });
    expect(events.get(held.id)).toMatchObject({ state: "ignored", state_reason: "contract_deleted" });
  });

  it("has what still waits looked at at once, and forgotten then", async () => {
    const inbox = await setUp();
    await addOperations(inbox.sql, { id: "own", state: "held", kind: "terminate" });
    const unmatched = await inbox.report(eventOf("charge.refunded", { id: "ch_1", payment_intent: "pi_9" }));
    await inbox.sql`update keiyaku.stripe_events set look_at = null where id = ${unmatched.id}`;
    const [received = ""] = await inbox.arrive(paymentFailed(1));
    await inbox.sql`update keiyaku.stripe_events set look_at = now() + interval '1 hour', contract_id = 'c-1'
      where id = ${received}`;
    await inbox.sql`delete from keiyaku.operations where id = 'own'`;

    await inbox.erase(["sub_1", "pi_9"]);
    expect(await inbox.event(received)).toMatchObject({ state: "received", body: expect.anything() });
    expect(await inbox.look()).toBe(2);

    for (const id of [received, unmatched.id]) {
      expect(await inbox.event(id)).toMatchObject({ state: "applied", contract_id: "c-1", body: null, look_at: null });
    }
    await inbox.drain();
    for (const { id, state } of await inbox.operations()) expect({ id, state }).toEqual({ id, state: "succeeded" });
  });

  it("forgets what became an operation while it took place, when that operation ends", async () => {
    const inbox = await setUp();
    const { id } = await inbox.report(subscriptionUpdated("sub_1", { id: "evt_1" }));
    const kept = (await inbox.event(id)).body;
    await inbox.erase();
    // As one that was applied between the deletion's first look at the inbox and its commit.
    await inbox.sql`update keiyaku.stripe_events set body = ${inbox.sql.json(kept as never)} where id = ${id}`;
    await inbox.drain();

    expect(await inbox.operation("stripe.evt_1")).toMatchObject({ state: "succeeded" });
    expect(await inbox.event(id)).toMatchObject({ body: null });
  });

  it("leaves its tombstone to recognise what comes after it; an erased journal's call is like anyone's", async () => {
    const inbox = await setUp();
    await inbox.erase();
    const caused = { request: { id: "req_1", idempotency_key: "keiyaku:delete-1:cancel:1" } };
    const event = await inbox.report(subscriptionUpdated("sub_1", caused));

    expect(event).toMatchObject({ state: "applied", contract_id: "c-1", body: null });
    await inbox.drain();
    expect(await inbox.operation(event.operation_id ?? "")).toMatchObject({
      state: "succeeded",
      outcome: { superseded: true },
    });
  });
});

describe("late money of a deleted contract", () => {
  it("is known by its ids from its burial on, also where it is kept, and what waited for them is looked at", async () => {
    const inbox = await setUp();
    await inbox.erase();
    const refunded = await inbox.report(eventOf("charge.refunded", { id: "ch_late", payment_intent: "pi_late" }));
    expect(refunded).toMatchObject({ state: "unmatched" });
    await addOperations(inbox.sql, { id: "late", kind: "record_payment", state: "executing" });
    const kept = {
      paymentId: "in_late",
      subject: "unknown",
      period: null,
      amountMinor: 1_980,
      paidAt: "2025-01-20T03:00:00Z",
      stripePaymentIntentId: "pi_late",
      result: "kept",
      refundId: null,
    } as const;

    await settleOperation(inbox.db, {
      guard: { operationId: "late", state: "executing", attempt: 1 },
      contractId: "c-1",
      contract: { contractId: "c-1", version: 1, isTombstone: true },
      product: null,
      change: { burial: { latePayments: [kept], stripeIds: ["sub_1", "in_late", "pi_late"] } },
      outcome: {},
    });

    const [tombstone] = await inbox.sql`select stripe_ids from keiyaku.tombstones`;
    expect(tombstone?.stripe_ids).toEqual(["cus_1", "sub_1", "in_late", "pi_late"]);
    expect(await inbox.look()).toBe(1);
    expect(await inbox.event(refunded.id)).toMatchObject({ state: "applied", contract_id: "c-1" });
  });
});
