import { describe, expect, it, onTestFinished } from "vitest";
import { abandonHeldOperation } from "../../../src/store/decide-held-operation.ts";
import { auditOf } from "../../support/audit.ts";
import { monthlyByCard, oneTimeByCard, startingByCard } from "../../support/card-contracts.ts";
import { askedOn, driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { setUpReportedLife } from "../inbox/reported-life.ts";
import { addPaid } from "../maintenance/set-up-runs.ts";

/*
 * What the audit says of databases in which everything was done by operations: nothing. The same of what Stripe reports in every
 * sequence: `test/disorder/sequences.test.ts`.
 */

describe("an audit is silent", () => {
  it("after clerks have worked on contracts of every kind, refusals and refunds among it", async () => {
    const bench = await createExecutionBench();
    onTestFinished(() => bench.close());
    let asked = 0;
    const ask = (contractId: string, kind: string, params: object = {}, more: object = {}) => {
      asked += 1;
      const id = `ask-${asked}`;
      return bench.perform({ id, kind: kind as "suspend", contractId, params: { ...params }, reason: "窓口", ...more });
    };
    const paid = { payments: [{ subject: "period", period: 0, paidAt: "2024-10-08T01:00:00Z" }] };
    await ask("transfer", "register", monthlyTerms());
    await ask("transfer", "confirm_payment");
    await ask("transfer", "suspend");
    await ask("transfer", "resume");
    await ask("transfer", "reserve_termination");
    await ask("transfer", "withdraw_reservation");
    await ask("transfer", "reserve_termination");
    await ask("transfer", "cancel");
    await ask("transfer", "refund_payment", { paymentId: "transfer:period:0" });
    await ask("transfer", "record_manual_refund", { refundId: "transfer:period:0:refund:1" });
    await ask("transfer", "refund_payment", { paymentId: "transfer:initial_fee" });
    await ask("transfer", "waive_refund", { refundId: "transfer:initial_fee:refund:1" });
    await ask(
      "brought",
      "register",
      monthlyTerms({ ...paid, state: { status: "terminated", endedAt: "2025-01-20T03:00:00Z" } }),
    );
    await ask("suspended", "register", monthlyTerms({ ...paid }));
    await ask("suspended", "terminate");
    await ask("gone", "register", monthlyTerms({ ...paid }));
    await ask("gone", "delete", { confirm: "gone" });
    const monthly = await monthlyByCard(bench);
    await ask(monthly.contractId, "reserve_termination");
    await ask(monthly.contractId, "withdraw_reservation");
    const [row] = await bench.sql`select id from keiyaku.payments where stripe_invoice_id = ${monthly.openInvoiceId}`;
    await ask(monthly.contractId, "refund_payment", { paymentId: row?.id, revokeLicense: true });
    const suspended = await monthlyByCard(bench, { suspended: true });
    await ask(suspended.contractId, "terminate");
    const starting = await startingByCard(bench);
    await ask(starting.contractId, "cancel");
    const once = await oneTimeByCard(bench);
    await ask(once.contractId, "cancel_with_refund");
    const refused = await oneTimeByCard(bench, { refunds: [{ amount: 22_800 }] });
    await ask(refused.contractId, "cancel_with_refund");
    // The rest of what somebody had given back in part on Stripe's dashboard.
    const partly = await oneTimeByCard(bench, { refunds: [{ amount: 1_000 }] });
    await ask(partly.contractId, "cancel_with_refund");
    const deleted = await monthlyByCard(bench);
    await ask(deleted.contractId, "delete", { confirm: deleted.contractId });

    const { violations, checked } = await auditOf(bench, 3);

    expect(violations).toEqual([]);
    const [counted] = await bench.sql`select (select count(*)::int from keiyaku.contracts) as contracts,
      (select count(distinct contract_id)::int from keiyaku.refunds) as refunded,
      (select count(distinct operation_id)::int from keiyaku.stripe_calls) as called`;
    expect(checked).toMatchObject({
      I1: counted?.refunded,
      I3: counted?.called,
      I6: counted?.contracts,
      I8: counted?.contracts,
    });
    expect(counted?.contracts).toBeGreaterThan(6);
  });

  it("after some months as Stripe reported them, a failed renewal and what somebody did on its dashboard among it", async () => {
    const life = await setUpReportedLife({ daysAgo: 130 });
    await life.register();
    await life.until(32);
    await life.hear();
    await life.payWith("pm_card_chargeCustomerFail");
    await life.until(63);
    await life.hear();
    await life.payWith("pm_card_visa");
    await life.until(66);
    await life.hear();
    const { paymentIntentId } = await life.invoice(1);
    await life.sdk.refunds.create({ payment_intent: paymentIntentId, amount: 500 }, life.onDashboard);
    await life.sdk.subscriptions.update(life.subscriptionId, { cancel_at_period_end: true }, life.onDashboard);
    await life.hear();
    await life.until(100);
    await life.hear();

    expect((await life.contract())?.status).toBe("terminated");
    expect((await auditOf(life)).violations).toEqual([]);
  });

  it("about what a run did not ask for since it was held, though somebody has given it up afterwards", async () => {
    const bench = await createExecutionBench();
    onTestFinished(() => bench.close());
    const notAsked = async () => (await auditOf(bench)).violations.filter((each) => each.startsWith("I13"));
    await addPaid(bench, "c-1", 3, { updated_at: "2025-01-20T03:00:00Z" });
    const hold = async (ids: readonly string[]) => {
      await bench.sql`update keiyaku.operations set state = 'held', attempt = 1, attempts_counted = 1, touched_at = now(),
        ring_at = null, held_question = '{"code": "attempts_exhausted", "detail": {}}' where id = any (${[...ids]})`;
    };
    await driveOn(bench, "2025-02-08", { bells: { countWaiting: async () => 0, ring: hold } });
    await driveOn(bench, "2025-02-09");
    expect(await askedOn(bench, "2025-02-08")).toEqual(["renew c-1: held"]);
    expect(await askedOn(bench, "2025-02-09")).toEqual([]);
    const [row] = await bench.sql<{ id: string }[]>`select id from keiyaku.operations`;
    const id = row?.id ?? "";
    const held = { operationId: id, state: "held", attempt: 1 } as const;
    await abandonHeldOperation(bench.db, held, { operatorId: "alice", reason: "窓口" });
    expect(await notAsked()).toEqual([]);

    // Had it been given up before the run, that one would have had to ask.
    await bench.sql`update keiyaku.operations set concluded_at = r.started_at - interval '1 second'
      from keiyaku.maintenance_runs r where r.business_date = '2025-02-09'`;
    expect(await notAsked()).toEqual(["I13 c-1: renew was due by 2025-02-09, and nobody has asked for it"]);
  });
});
