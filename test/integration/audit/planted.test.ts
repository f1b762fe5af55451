import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { invariantIds } from "../../../src/audit/invariant.ts";
import { invariants } from "../../../src/audit/invariants.ts";
import { Database } from "../../../src/store/database.ts";
import { auditOf } from "../../support/audit.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { cloneDatabase, createTestDatabase, type TestDatabase } from "../../support/database.ts";
import { createExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { addOperations } from "../../support/store-rows.ts";
import { addressOf } from "../../support/test-database.ts";

/*
 * Every check is shown to fire: each violation is planted into a copy of a database in which everything was done by operations,
 * past the constraints that would not have it.
 */

let story: { readonly name: string; readonly refundedId: string; readonly suspendedId: string };
let clones: TestDatabase | undefined;

/** Tells the story once: a contract by transfer with a withdrawn reservation, one by card with a refund, one suspended. */
beforeAll(async () => {
  const bench = await createExecutionBench();
  const ask = async (id: string, contractId: string, kind: string, params: object = {}) => {
    const operation = await bench.perform({ id, kind: kind as "suspend", contractId, params: { ...params } });
    expect(operation, JSON.stringify(operation.rejection_detail)).toMatchObject({ state: "succeeded" });
  };
  const paid = { payments: [{ subject: "period", period: 0, paidAt: "2024-10-08T01:00:00Z" }] };
  await ask("r-1", "transfer", "register", monthlyTerms({ ...paid, state: { status: "active" } }));
  await ask("s-1", "transfer", "suspend");
  await ask("s-2", "transfer", "resume");
  await ask("s-3", "transfer", "reserve_termination");
  await ask("s-4", "transfer", "withdraw_reservation");
  await ask("r-2", "reserved", "register", monthlyTerms({ ...paid, state: { status: "active" } }));
  await ask("s-5", "reserved", "reserve_termination");
  const refunded = await monthlyByCard(bench);
  const [row] = await bench.sql`select id from keiyaku.payments where stripe_invoice_id = ${refunded.openInvoiceId}`;
  await ask("refund", refunded.contractId, "refund_payment", { paymentId: row?.id });
  const suspended = await monthlyByCard(bench, { suspended: true });
  const failure = { invoiceId: suspended.openInvoiceId, attempt: 2 };
  const reported = { kind: "record_payment_failure", actor_type: "stripe", actor_id: "evt_1" };
  await addOperations(bench.sql, { id: "failed", contract_id: suspended.contractId, params: failure, ...reported });
  await bench.execute("failed");
  expect(await bench.operation("failed")).toMatchObject({ state: "succeeded" });
  await bench.sql`insert into keiyaku.maintenance_runs (business_date, state, started_at, done_at, result)
    values ('2025-01-18', 'done', '2025-01-18', '2025-01-18', '{}'), ('2025-01-19', 'done', '2025-01-19', '2025-01-19', '{}')`;
  expect((await auditOf(bench)).violations).toEqual([]);
  const name = new URL(bench.url).pathname.slice(1);
  story = { name, refundedId: refunded.contractId, suspendedId: suspended.contractId };
  // A database that is copied has nobody connected to it; the original goes with the bench.
  await bench.db.close(1_000);
  await bench.sql.end();
  clones = { url: bench.url, name, drop: () => bench.close().catch(() => undefined) };
}, 30_000);
afterAll(() => clones?.drop());

/** A copy of the story's database, as its owner may change it. */
async function setup() {
  const database = await cloneDatabase(story.name);
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  const db = new Database({ address: addressOf(database.url), poolSize: 2, applicationName: "keiyaku-test" });
  onTestFinished(async () => {
    await db.close(1_000);
    await sql.end();
    await database.drop();
  });
  return { sql, violations: async () => (await auditOf({ db })).violations };
}

/** Lets rows be what no constraint would have. */
const unconstrained = [
  "contracts_reservation_is_whole",
  "contracts_end_has_a_time",
  "maintenance_runs_running_has_a_phase",
]
  .map(
    (name) =>
      `alter table keiyaku.${name.replace(/^(contracts|maintenance_runs)_.*/, "$1")} drop constraint if exists ${name};`,
  )
  .join("\n");

/** The invariants that fire, the statements that plant what they fire at, and what they say. */
const planted: readonly (readonly [string, string, readonly RegExp[]])[] = [
  [
    "more is given back than was paid",
    "update keiyaku.refunds set amount_minor = 1981; update keiyaku.stripe_calls set answer = jsonb_set(answer, '{value,amountMinor}', '1981')",
    [/^I1 .*: 1981 given back of a payment of 1980/],
  ],
  [
    "a refund was made twice at Stripe",
    `insert into keiyaku.stripe_calls (operation_id, name, type, request, idempotency_key, key_number, first_sent_at,
        last_sent_at, answer, answered_at, learned_by, code_version)
      select operation_id, 'again', type, request, 'another', 1, first_sent_at, last_sent_at,
        jsonb_set(answer, '{value,id}', '"re_again"'), answered_at, learned_by, code_version
      from keiyaku.stripe_calls where type = 'call' and request ->> 'verb' = 'refund_payment'`,
    [/^I1 .*: 2 refunds at Stripe: re_/, /^I3 refund: Stripe made re_again/, /^I8 /],
  ],
  [
    "a call of an operation that succeeded has no answer",
    "update keiyaku.stripe_calls set answer = null, answered_at = null, learned_by = null where type = 'call'",
    [/^I3 refund: its call .* has no answer/, /^I8 /],
  ],
  [
    "a refund's row names another refund of Stripe's",
    "update keiyaku.refunds set stripe_refund_id = 're_other'",
    [/^I3 refund: Stripe made re_.* whose row says re_other over 1980/],
  ],
  [
    "a refund that was made has no row",
    "delete from keiyaku.refunds",
    [
      /^I3 refund: Stripe made re_.* whose row says none over nothing/,
      /^I21 .*: is refunded over 1980, and 0 of it is settled/,
    ],
  ],
  [
    "a status that no operation led to",
    "update keiyaku.contracts set status = 'terminated', ended_at = now() where id = 'transfer'",
    [/^I6 transfer: is terminated, and s-4 left it active/],
  ],
  [
    "an operation that found another status than the one before it left",
    `update keiyaku.operations set outcome = jsonb_set(outcome, '{statusBefore}', '"special_period"') where id = 's-3'`,
    [/^I6 transfer: s-3 found it special_period, and it had been left active/],
  ],
  [
    "an operation that is gone from the ledger",
    "delete from keiyaku.operations where id = 's-2'",
    [/^I6 transfer: s-3 found it active, and it had been left payment_unconfirmed/],
  ],
  [
    "a contract that nobody registered",
    "delete from keiyaku.operations where id = 'r-2'",
    [/^I6 reserved: registered by 0 operations/, /^I6 reserved: s-5 found it active, and it had been left absent/],
  ],
  [
    "a reservation that was withdrawn and stands",
    "update keiyaku.contracts set termination_on = '2030-01-08', termination_source = 'person' where id = 'transfer'",
    [/^I6 transfer: is reserved for 2030-01-08 \(person\), and the last to say so was s-4 \(withdraw_reservation\)/],
  ],
  [
    "a reservation that was made and does not stand",
    "update keiyaku.contracts set termination_on = null, termination_source = null where id = 'reserved'",
    [/^I6 reserved: is reserved for no date \(by nobody\), and the last to say so was s-5 \(reserve_termination\)/],
  ],
  [
    "a change that took no version",
    "update keiyaku.contracts set version = 4 where id = 'transfer'",
    [/^I8 transfer: has version 4/, /^I8 transfer: is at version 4, last changed by s-4, and s-[34] made version [45]/],
  ],
  [
    "a version without a change",
    "update keiyaku.contracts set version = 99 where id = 'transfer'",
    [/^I8 transfer: has version 99/],
  ],
  [
    "a change that names no operation",
    "update keiyaku.contracts set changed_by_operation_id = 'nobody' where id = 'transfer'",
    [
      /^I8 transfer: names nobody for its last change/,
      /^I8 transfer: is at version 5, last changed by nobody, and s-4/,
    ],
  ],
  [
    "a change that names an operation of another contract",
    "update keiyaku.contracts set changed_by_operation_id = 's-5' where id = 'transfer'",
    [/^I8 transfer: names s-5 for its last change/, /^I8 transfer: is at version 5, last changed by s-5, and s-4/],
  ],
  [
    "an end after the last change",
    `update keiyaku.operations set outcome = jsonb_set(outcome, '{contractVersion}', '6') where id = 's-4'`,
    [/^I8 transfer: is at version 5, last changed by s-4, and s-4 made version 6/],
  ],
  [
    "a last change that names an earlier operation",
    "update keiyaku.contracts set changed_by_operation_id = 's-3' where id = 'transfer'",
    [/^I8 transfer: is at version 5, last changed by s-3, and s-4 made version 5/],
  ],
  [
    "two ends that made the same version",
    `update keiyaku.operations set outcome = jsonb_set(outcome, '{contractVersion}', '3') where id = 's-3'`,
    [/^I8 transfer: 2 operations made version 3/],
  ],
  [
    "an end that does not tell what it made",
    "update keiyaku.operations set outcome = outcome - 'contractVersion' where id = 's-4'",
    [/^I8 transfer: is at version 5, last changed by s-4, and s-4 made version none/],
  ],
  [
    "a date without its run",
    "update keiyaku.maintenance_runs set business_date = '2025-01-17' where business_date = '2025-01-18'",
    [/^I13 2025-01-17: no run between this date and 2025-01-19/],
  ],
  [
    "a run that was left behind",
    "update keiyaku.maintenance_runs set state = 'running', done_at = null, result = null where business_date = '2025-01-18'",
    [/^I13 2025-01-18: is not done, and the run of 2025-01-19 has begun/],
  ],
  [
    "something that a date brought a contract twice",
    `insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at, taken_at, accepted_at,
        content_hash, state, outcome, concluded_at)
      select 'renew-' || n, 'renew', 'transfer', 'schedule', 'run', '{"date": "2025-01-18"}', now(), now(), now(),
        repeat('0', 64), 'succeeded', '{"statusBefore": "active", "statusAfter": "active"}',
        (select max(concluded_at) from keiyaku.operations where contract_id = 'transfer')
      from generate_series(1, 2) as n`,
    [
      /^I13 transfer: renew of 2025-01-18 was done 2 times/,
      /^I8 transfer: is at version 5, last changed by s-4, and renew-[12] made version none/,
    ],
  ],
  [
    "what a date should have brought",
    `update keiyaku.contracts set status = 'not_started', start_on = '2025-01-10', renewal_due_on = '2025-01-10', updated_at = '2025-01-10' where id = 'transfer'`,
    [/^I6 transfer: is not_started/, /^I13 transfer: start was due by 2025-01-19, and nobody has asked/],
  ],
  [
    "an end that a date should have brought",
    "update keiyaku.contracts set termination_on = '2025-01-08', updated_at = '2025-01-10' where id = 'reserved'",
    [/^I13 reserved: terminate_at_renewal was due by 2025-01-19/],
  ],
  [
    "a special period that a date should have ended",
    `update keiyaku.contracts set status = 'special_period', special_months = 3, special_price_minor = 0,
      renewal_due_on = '2025-01-08', created_at = '2025-01-10', updated_at = '2025-01-10' where id = 'transfer'`,
    [/^I6 transfer: is special_period/, /^I13 transfer: end_special_period was due/, /^I13 transfer: renew was due/],
  ],
  [
    "an end by its product's month that a date should have reserved",
    `update keiyaku.products set automatic_termination_month = '2025-02', automatic_termination_month_set_at = '2025-01-10',
        updated_at = '2025-01-10';
      update keiyaku.contracts set renewal_due_on = '2025-01-08', created_at = '2025-01-10', updated_at = '2025-01-10' where id in ('transfer', 'reserved')`,
    [
      /^I13 (transfer|reserved): renew was due/,
      /^I13 (transfer|reserved): reserve_by_product_month was due by 2025-01-19/,
    ],
  ],
  [
    "an end by its product's month that a date should have lifted",
    `update keiyaku.products set automatic_termination_month = '2035-02', automatic_termination_month_set_at = '2025-01-10',
        updated_at = '2025-01-10';
      update keiyaku.contracts set termination_source = 'product_month', renewal_due_on = '2025-01-08', created_at = '2025-01-10', updated_at = '2025-01-10' where id = 'reserved'`,
    [/^I13 reserved: renew was due/, /^I13 reserved: release_by_product_month was due by 2025-01-19/],
  ],
  [
    "periods that no run has recorded, of a contract that was there",
    "update keiyaku.contracts set renewal_due_on = '2025-03-08', created_at = '2024-12-10' where id = 'reserved'",
    [/^I13 reserved: has a record of 0 of the 3 periods that began between 2024-12-08 and 2025-03-08/],
  ],
  [
    "two mails about one attempt",
    `insert into keiyaku.notifications (cause, kind, recipient, contract_id, detail)
      select 'another', kind, recipient, contract_id, detail from keiyaku.notifications where kind = 'payment_failed'`,
    [
      /^I14 .*: 2 mails to the customer about attempt 2 at in_/,
      /^I14 .*: 2 mails to the operators about attempt 2 at in_/,
    ],
  ],
  [
    "two mails for one cause",
    `drop index keiyaku.notifications_one_per_cause_and_recipient;
      insert into keiyaku.notifications (cause, kind, recipient, contract_id, detail)
      select cause, kind, recipient, contract_id, detail from keiyaku.notifications where cause = 's-1' and recipient = 'customer'`,
    [/^I14 transfer: 2 mails contract_suspended to the customer because of s-1/],
  ],
  [
    "an attempt that nobody was told of",
    "delete from keiyaku.notifications where kind = 'payment_failed' and recipient = 'customer'",
    [/^I14 .*: no mail to the customer about attempt 2 at in_.*, of which failed told/],
  ],
  [
    "an attempt that the operators were not told of",
    "delete from keiyaku.notifications where kind = 'payment_failed' and recipient = 'operators'",
    [/^I14 .*: no mail to the operators about attempt 2 at in_.*, of which failed told/],
  ],
  [
    "a payment that is kept and was given back",
    "update keiyaku.payments set state = 'paid' where state = 'refunded'",
    [/^I21 .*: is paid over 1980, and all of it has been given back/],
  ],
  [
    "a payment that is refunded and was kept",
    "update keiyaku.payments set state = 'refunded' where id = 'transfer:period:0'",
    [/^I21 transfer:period:0: is refunded over 1980, and 0 of it is settled/],
  ],
  [
    "a payment that is refunded and was given back in part",
    `update keiyaku.payments set state = 'refunded' where id = 'transfer:period:0';
      insert into keiyaku.refunds (id, contract_id, payment_id, amount_minor, state, operation_id, settled_at)
      values ('part', 'transfer', 'transfer:period:0', 1979, 'manual_done', 's-4', now())`,
    [/^I21 transfer:period:0: is refunded over 1980, and 1979 of it is settled/],
  ],
  [
    "money given back that never came",
    "update keiyaku.payments set state = 'never_charged', paid_at = null where state = 'refunded'",
    [/^I21 .*: is never_charged, and 1980 of it has been given back/],
  ],
  [
    "money given back that the customer's bank had taken",
    "update keiyaku.payments set dispute = 'lost' where state = 'refunded'",
    [/^I21 .*: was lost in a dispute over 1980, and Stripe gave back 1980 of it/],
  ],
  [
    "a refund of another charge",
    "update keiyaku.refunds set stripe_payment_intent_id = 'pi_other'",
    [/^I21 .*refund:1: gives back pi_other, and its payment came by pi_/],
  ],
];

describe("an audit", () => {
  it.each(planted)("finds that there is %s", async (_, statements, expected) => {
    const { sql, violations } = await setup();
    await sql.unsafe(`${unconstrained}\n${statements}`);

    const found = await violations();

    expect(
      found.map((line) => expected.findIndex((pattern) => pattern.test(line))),
      found.join("\n"),
    ).not.toContain(-1);
    for (const pattern of expected) expect(found.join("\n")).toMatch(new RegExp(pattern.source, "m"));
  });

  it("has something planted for each of its checks", () => {
    const shown = planted.flatMap(([, , patterns]) => patterns.map(({ source }) => source.slice(1).split(" ")[0]));
    expect(invariantIds.filter((id) => !shown.includes(id))).toEqual([]);
    expect(invariants.map(({ id }) => id)).toEqual([...invariantIds]);
  });

  it.each(invariants)("only reads, by index: $id", async ({ page, violations: text }) => {
    const { sql } = await setup();
    const bound = (statement: string) =>
      statement.replaceAll("$after", "''").replaceAll("$last", "'zzz'").replaceAll("$limit", "100");
    await sql`set default_transaction_read_only = on`;
    await sql`set enable_seqscan = off`;
    for (const statement of [page, text]) {
      await sql.unsafe(bound(statement));
      const plan = (await sql.unsafe(`explain ${bound(statement)}`)).map((row) => Object.values(row)[0]).join("\n");
      expect(plan.match(/Seq Scan on (?!maintenance_runs)\w+/g)).toBeNull();
    }
  });
});

it("finds nothing wrong where a clock was set back between two operations", async () => {
  const { sql, violations } = await setup();
  const hours = (id: string, ago: number) =>
    sql`update keiyaku.operations set concluded_at = now() - ${ago} * interval '1 hour' where id = ${id}`;
  for (const [index, id] of ["r-1", "s-1", "s-2", "s-3", "s-4"].entries()) await hours(id, index + 1);
  await sql`update keiyaku.contracts set updated_at = now() - interval '6 hours' where id = 'transfer'`;
  expect(await violations()).toEqual([]);
});

it("is what a database without anything has nothing of", async () => {
  const database = await createTestDatabase();
  const db = new Database({ address: addressOf(database.url), poolSize: 2, applicationName: "keiyaku-test" });
  onTestFinished(async () => {
    await db.close(1_000);
    await database.drop();
  });
  expect(await auditOf({ db })).toEqual({
    type: "finished",
    violations: [],
    checked: { I1: 0, I3: 0, I6: 0, I8: 0, I13: 0, I14: 0, I21: 0 },
  });
});
