import { expect, onTestFinished, test } from "vitest";
import { readListedUntil } from "../../../src/store/event-backfills.ts";
import { readLedgerFigures } from "../../../src/store/read-ledger-figures.ts";
import { addContract, addOperations, insertRows, paymentRow, refundRow } from "../../support/store-rows.ts";
import { createTestStore } from "../../support/test-database.ts";

async function setup() {
  // Of its own, whose statistics nobody has added to.
  const store = await createTestStore({});
  onTestFinished(() => store.close());
  return { ...store, figures: () => readLedgerFigures(store.db, 5_000) };
}

test("an empty ledger comes to nothing", async () => {
  const { figures } = await setup();

  expect(await figures()).toEqual({
    requested: 0,
    executing: 0,
    held: 0,
    keyRefused: 0,
    oldestOpenSeconds: 0,
    overdue: 0,
    owed: 0,
    owedMinor: {},
    events: { received: 0, unmatched: 0, held: 0, forAPerson: 0, oldestDueSeconds: 0 },
    eventsListedSeconds: null,
    books: {},
  });
});

test("how long ago Stripe's events were listed is told, and is never less than nothing", async () => {
  const { db, sql, figures } = await setup();
  const listed = async (seconds: number) => {
    await sql`update keiyaku.event_backfills set listed_until = ${new Date(Date.now() - seconds * 1_000)}`;
    return (await figures()).eventsListedSeconds;
  };
  await readListedUntil(db, "2026-01-01T00:00:00Z");

  const age = await listed(7_200);

  expect(age).toBeGreaterThan(7_190);
  expect(age).toBeLessThan(7_300);
  expect(await listed(-600)).toBe(0);
});

test("open operations are counted by state, and the oldest of them tells its age", async () => {
  const { sql, figures } = await setup();
  const at = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
  await addOperations(
    sql,
    { id: "op-1", contract_id: "c-1", state: "succeeded", accepted_at: at(9_000) },
    { id: "op-2", contract_id: "c-2", state: "held", accepted_at: at(3_600) },
    { id: "op-3", contract_id: "c-3", state: "executing", attempt: 1, accepted_at: at(60) },
    { id: "op-4", contract_id: "c-4", accepted_at: at(30) },
    { id: "op-5", contract_id: "c-5", accepted_at: at(30) },
  );

  const found = await figures();

  expect(found).toMatchObject({ requested: 2, executing: 1, held: 1 });
  expect(found.oldestOpenSeconds).toBeGreaterThan(3_590);
  expect(found.oldestOpenSeconds).toBeLessThan(3_700);
});

test("those that wait because Stripe refuses our key are counted apart", async () => {
  const { sql, figures } = await setup();
  const reasons = ["unauthorized", "forbidden", "rate_limited", "result_unknown"];
  await addOperations(
    sql,
    ...reasons.map((wait_reason) => ({ id: `op-${wait_reason}`, contract_id: `c-${wait_reason}`, wait_reason })),
  );

  expect(await figures()).toMatchObject({ requested: 4, keyRefused: 2 });
});

test("overdue is what is due, whose turn it is, and for which nobody has rung for two minutes", async () => {
  const { sql, figures } = await setup();
  const ringAt = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
  await addOperations(
    sql,
    { id: "missed", contract_id: "c-1", ring_at: ringAt(180) },
    { id: "behind-missed", contract_id: "c-1", ring_at: ringAt(180) },
    { id: "just-now", contract_id: "c-2", ring_at: ringAt(60) },
    { id: "later", contract_id: "c-3", ring_at: ringAt(-600) },
    { id: "dead", contract_id: "c-4", state: "executing", attempt: 1, ring_at: ringAt(180) },
    { id: "held", contract_id: "c-5", state: "held" },
    { id: "behind-held", contract_id: "c-5", ring_at: ringAt(180) },
  );

  expect(await figures()).toMatchObject({ overdue: 2 });
});

test("events that wait are counted by state, those that only a person's word wakes, and how long the oldest is due", async () => {
  const { sql, figures } = await setup();
  const dueAgo = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
  const event = {
    type: "invoice.paid",
    livemode: false,
    api_version: "v",
    arrived_by: "relay",
    created_at: dueAgo(9_000),
  };
  await insertRows(
    sql,
    "stripe_events",
    { ...event, id: "evt_due", state: "received", look_at: dueAgo(60) },
    { ...event, id: "evt_later", state: "received", look_at: dueAgo(-600) },
    { ...event, id: "evt_looked_for", state: "unmatched", look_at: dueAgo(-600) },
    { ...event, id: "evt_rests", state: "unmatched", look_at: null },
    { ...event, id: "evt_held", state: "held", state_reason: "unreadable: body", look_at: null },
    {
      ...event,
      id: "evt_done",
      state: "ignored",
      state_reason: "type_not_used",
      look_at: null,
      concluded_at: dueAgo(9),
    },
  );

  const { events } = await figures();

  expect(events).toMatchObject({ received: 2, unmatched: 2, held: 1, forAPerson: 2 });
  expect(events.oldestDueSeconds).toBeGreaterThan(59);
  expect(events.oldestDueSeconds).toBeLessThan(90);
});

test("owed are the refunds in an owed state that no later one has taken the place of, a deleted contract's too", async () => {
  const { sql, figures } = await setup();
  await addContract(sql);
  await insertRows(sql, "payments", paymentRow());
  await insertRows(
    sql,
    "refunds",
    refundRow({ id: "r-due", payment_id: "p-1", state: "due", amount_minor: 1_000 }),
    refundRow({
      id: "r-hand",
      payment_id: "p-2",
      state: "manual_due",
      amount_minor: 200,
      stripe_payment_intent_id: null,
    }),
    refundRow({ id: "r-failed", payment_id: "p-3", state: "failed", amount_minor: 30, stripe_refund_id: "re_1" }),
    refundRow({
      id: "r-replaced",
      payment_id: "p-3",
      state: "failed",
      amount_minor: 30,
      stripe_refund_id: "re_2",
      superseded_by: "r-failed",
    }),
    refundRow({ id: "r-done", payment_id: "p-4", state: "succeeded", amount_minor: 7, stripe_refund_id: "re_3" }),
    refundRow({ id: "r-waived", payment_id: "p-5", state: "waived", amount_minor: 7, settled_at: new Date() }),
    refundRow({ id: "r-deleted", contract_id: "gone", payment_id: "p-6", state: "due", amount_minor: 4 }),
  );

  expect(await figures()).toMatchObject({ owed: 4, owedMinor: { jpy: 1_234 } });
});

test("it reads what is open and owed by their indexes, whatever the ledger holds", async () => {
  const { sql, db, figures } = await setup();
  await sql`insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at, taken_at,
      accepted_at, content_hash, state, outcome, concluded_at)
    select 'op-' || n, 'suspend', 'c-' || n, 'operator', 'alice', '{}', now(), now(), now(), repeat('0', 64), 'succeeded', '{}', now()
    from generate_series(1, 20000) n`;
  await sql`vacuum analyze keiyaku.operations`;
  const [before] = await sql`select seq_tup_read, idx_tup_fetch from pg_stat_user_tables where relname = 'operations'`;
  await figures();
  await db.close(1_000);
  await sql`select pg_stat_clear_snapshot()`;
  const [after] = await sql`select seq_tup_read, idx_tup_fetch from pg_stat_user_tables where relname = 'operations'`;

  expect(Number(after?.seq_tup_read)).toBe(Number(before?.seq_tup_read));
  expect(Number(after?.idx_tup_fetch) - Number(before?.idx_tup_fetch)).toBeLessThan(100);
});
