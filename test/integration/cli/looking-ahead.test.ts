import { describe, expect, it, onTestFinished } from "vitest";
import { type ButtonsOptions, buttons } from "../../../src/cli/buttons.ts";
import type { CommandContext } from "../../../src/cli/context.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { operationShow } from "../../../src/cli/operation-show.ts";
import { type OwedOptions, owed } from "../../../src/cli/owed.ts";
import { type PreviewOptions, preview } from "../../../src/cli/preview.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { request } from "../../../src/cli/request.ts";
import type { Plan } from "../../../src/contract/plan.ts";
import { oneTimeByCard } from "../../support/card-contracts.ts";
import { eventually } from "../../support/eventually.ts";
import { monthlyTerms } from "../../support/execution.ts";
import { everythingOf, insertRows, refundRow } from "../../support/store-rows.ts";
import { type CommandBench, setUpCommand } from "./set-up-command.ts";

async function setup(): Promise<CommandBench> {
  const command = await setUpCommand();
  onTestFinished(() => command.close());
  return command;
}

/** Contract `c-1` by bank transfer, running and paid. */
async function running(command: CommandBench): Promise<void> {
  await command.bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
  await command.bench.perform({ id: "p-1", kind: "confirm_payment", contractId: "c-1" });
}

const showing =
  (options: Partial<ButtonsOptions> = {}) =>
  (context: CommandContext) =>
    buttons(context, { contractId: "c-1", ...options });
const previewing =
  (options: Partial<PreviewOptions> = {}) =>
  (context: CommandContext) =>
    preview(context, { kind: "suspend", contractId: "c-1", ...options });
const owing =
  (options: Partial<OwedOptions> = {}) =>
  (context: CommandContext) =>
    owed(context, { limit: 50, ...options });

/** The line of the table that begins so, its columns apart by one blank. */
function lineOf(command: CommandBench, beginning: RegExp): string {
  const lines = command
    .out()
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "));
  return lines.find((line) => beginning.test(line)) ?? "";
}

describe("buttons", () => {
  it("shows what may be asked, of which payments, and why not the rest in Japanese and English", async () => {
    const command = await setup();
    await running(command);
    const before = await everythingOf(command.bench.sql, "c-1");

    expect(await command.run(showing())).toBe(exitCodes.done);
    expect(lineOf(command, /suspend/)).toBe("yes suspend 契約の停止 Suspend");
    expect(lineOf(command, /refund_payment/)).toMatch(
      /^yes refund_payment 部分返金 Refund one payment paymentId=c-1:initial_fee \(¥3,000\), paymentId=c-1:period:0 \(¥1,980\), /,
    );
    expect(lineOf(command, /delete/)).toBe("yes delete 削除 Delete confirm=c-1");
    expect(lineOf(command, /resume/)).toBe(
      "no resume 契約停止の解除 Resume 契約ステータスが「契約継続中」のため、この操作はできません。",
    );
    expect(command.out()).toContain("The contract's status active does not allow this.");
    expect(await everythingOf(command.bench.sql, "c-1")).toEqual(before);
  });

  it("shows to a customer what a customer may ask", async () => {
    const command = await setup();
    await running(command);
    expect(await command.run(showing({ actor: "customer:customer-1", json: true }))).toBe(exitCodes.done);
    const shown = command.json() as { type: string; contractId: string; buttons: { kind: string; allowed: boolean }[] };
    expect(shown).toMatchObject({ type: "found", contractId: "c-1" });
    expect(shown.buttons.filter(({ allowed }) => allowed).length).toBeLessThanOrEqual(1);
    expect(shown.buttons.find(({ kind }) => kind === "suspend")).toMatchObject({
      allowed: false,
      rejection: { code: "actor_not_allowed" },
    });
  });

  it("says that Stripe will be asked", async () => {
    const command = await setup();
    const { contractId } = await oneTimeByCard(command.bench);
    expect(await command.run(showing({ contractId }))).toBe(exitCodes.done);
    expect(lineOf(command, /cancel_with_refund/)).toContain("Stripe is asked, and may still say no");
  });

  it("keeps its colours on a terminal", async () => {
    const command = await setup();
    await running(command);
    const { out } = command.context;
    await command.run(showing(), { out: { ...out, hasColors: true } });
    expect(command.out()).toContain("\u001b[32myes\u001b[39m");
  });

  it("shows what a deleted contract's remains accept, and fails for one that nobody knows", async () => {
    const command = await setup();
    await running(command);
    await command.bench.perform({ id: "d-1", kind: "delete", contractId: "c-1", params: { confirm: "c-1" } });
    expect(await command.run(showing())).toBe(exitCodes.done);
    expect(lineOf(command, /record_manual_refund/)).toMatch(/^yes .* refundId=c-1:initial_fee:refund:1 \(¥3,000\)/);
    expect(lineOf(command, /^no suspend/)).toContain("この契約は削除済みです。");
    expect(command.err()).toContain("has been deleted");

    expect(await command.run(showing({ contractId: "nobody" }))).toBe(exitCodes.failed);
    expect(command.err()).toContain("error contract_not_found:");
  });
});

describe("preview", () => {
  it("shows for people what would happen, and changes nothing", async () => {
    const command = await setup();
    const { contractId, paymentIntentId } = await oneTimeByCard(command.bench);
    const before = await everythingOf(command.bench.sql, contractId);

    expect(await command.run(previewing({ kind: "cancel_with_refund", contractId }))).toBe(exitCodes.done);
    const lines = command
      .out()
      .split("\n")
      .map((line) => line.trim().replaceAll(/\s+/g, " "));
    expect(lines.at(0)).toBe(`cancel_with_refund キャンセルして返金 of contract ${contractId} would be carried out`);
    expect(lines).toContain("status established 契約成立 → canceled キャンセル");
    expect(lines).toContain(
      `at Stripe refund_payment (refundId ${contractId}:one_time_price:refund:1, paymentIntentId ${paymentIntentId}, amountMinor 19800)`,
    );
    expect(lines).toContain(`payment ${contractId}:initial_fee ¥3,000: paid → refunded`);
    expect(lines).toContain(`refund ¥19,800 of ${contractId}:one_time_price, through Stripe: succeeded`);
    expect(lines).toContain(`license ${contractId}:one_time_price: revoked (canceled)`);
    expect(lines).toContain("mail contract_canceled to customer");
    expect(lines).toContainEqual(expect.stringMatching(/^digest [0-9a-f]{64}$/));
    expect(await everythingOf(command.bench.sql, contractId)).toEqual(before);
  });

  it("warns before a deletion as the page does, in both languages", async () => {
    const command = await setup();
    await running(command);
    expect(await command.run(previewing({ kind: "delete", param: ["confirm=c-1"] }))).toBe(exitCodes.done);
    expect(command.out()).toContain("削除はできる限り避けてください");
    expect(command.out()).toContain("mistaken sign-ups");
    expect(command.out()).toMatch(/status +active 契約継続中 → deleted 削除/);
  });

  it("fails with the reason in both languages for what would be rejected, and is JSON on demand", async () => {
    const command = await setup();
    await running(command);
    expect(await command.run(previewing({ kind: "resume" }))).toBe(exitCodes.failed);
    expect(command.out()).toContain("would be rejected");
    expect(command.out()).toContain("この操作はできません");
    expect(command.out()).toContain("does not allow this");

    expect(await command.run(previewing({ kind: "resume", json: true }))).toBe(exitCodes.failed);
    expect(command.json()).toMatchObject({ rejection: { code: "status_not_allowed" }, digest: expect.any(String) });
  });

  it("asks to try later while Stripe is not to be had", async () => {
    const command = await setup();
    const { contractId } = await oneTimeByCard(command.bench);
    await command.bench.stripe.control.fault({ mode: "status_401", path: "/v1/**", times: 10 });
    expect(await command.run(previewing({ kind: "cancel_with_refund", contractId }))).toBe(exitCodes.tryLater);
    expect(command.err()).toContain("error stripe_unavailable: Stripe cannot be looked at now (unauthorized).");
  });

  it("calls parameters that the kind does not know wrong usage", async () => {
    const command = await setup();
    expect(await command.run(previewing({ param: ["until=2025"] }))).toBe(exitCodes.wrongUsage);
    expect(command.err()).toContain("params.until");
  });
});

describe("request --expect-plan", () => {
  it("carries out what was shown, and shows the new plan when it would now do something else", async () => {
    const command = await setup();
    await running(command);
    const { sql } = command.bench;
    await command.run(previewing({ kind: "delete", param: ["confirm=c-1"], json: true }));
    const shown = command.json() as Plan;
    await command.bench.perform({ id: "between", kind: "suspend", contractId: "c-1" });

    const asked = { kind: "delete", contractId: "c-1", param: ["confirm=c-1"], waitMs: 20_000 } as const;
    const requesting = async (id: string, expectPlan: string, json = false) => {
      const outcome = command.run((context) => request(context, { ...asked, id, expectPlan, json }));
      await eventually(async () => (await sql`select from keiyaku.operations where id = ${id}`).length === 1, {
        withinMs: 10_000,
      });
      await command.drain();
      return outcome;
    };
    expect(await requesting("e-1", shown.digest)).toBe(exitCodes.failed);
    expect(command.out()).toContain("rejected  plan_changed");
    expect(command.out()).toContain("もう一度確認してから");
    expect(command.out()).toContain("of contract c-1 would be carried out");

    expect(await command.run((context) => operationShow(context, { operationId: "e-1" }))).toBe(exitCodes.done);
    expect(command.out()).toContain(`expected plan  ${shown.digest}`);
    expect(command.out()).toMatch(/New plan\n.*delete 削除 of contract c-1 would be carried out\n/);
    await command.run((context) => operationShow(context, { operationId: "e-1", json: true }));
    const { rejectionDetail } = command.json() as { rejectionDetail: { digest: string; plan: Plan } };
    expect(rejectionDetail.plan).toMatchObject({
      digest: rejectionDetail.digest,
      kind: "delete",
      status: { before: "payment_unconfirmed", after: null },
    });
    await command.run(previewing({ kind: "delete", param: ["confirm=c-1"], json: true }));
    expect(command.json()).toEqual(rejectionDetail.plan);

    expect(await requesting("e-2", rejectionDetail.digest, true)).toBe(exitCodes.done);
    expect(await sql`select id from keiyaku.contracts where id = 'c-1'`).toEqual([]);
  });
});

describe("the program", () => {
  it("calls an expected plan that is no digest wrong usage", async () => {
    const command = await setup();
    const args = ["request", "suspend", "c-1", "--expect-plan", "the-one-from-yesterday"];
    expect(await command.run((context) => runProgram(context, args))).toBe(exitCodes.wrongUsage);
    expect(command.err()).toMatch(/^error wrong_usage: .*--expect-plan.*64 hexadecimal digits/);
  });

  it("previews no kind that only the calendar or Stripe asks for", async () => {
    const command = await setup();
    expect(await command.run((context) => runProgram(context, ["preview", "renew", "c-1"]))).toBe(exitCodes.wrongUsage);
    expect(command.err()).toContain("error wrong_usage:");
  });
});

describe("owed", () => {
  it("lists what somebody still has to give, and the sum, and is no failure", async () => {
    const command = await setup();
    await running(command);
    await command.bench.perform({ id: "d-1", kind: "delete", contractId: "c-1", params: { confirm: "c-1" } });
    const stripe = { contract_id: "c-2", payment_id: "c-2:period:0", created_at: "2025-01-20T03:00:00Z" };
    await insertRows(
      command.bench.sql,
      "refunds",
      refundRow({ ...stripe, id: "c-2:refund", state: "due", refusal_code: "charge_disputed" }),
    );

    expect(await command.run(owing())).toBe(exitCodes.done);
    expect(lineOf(command, /c-2:refund$/)).toMatch(
      /^2025-01-20 12:00:00 \d+ d ¥1,980 refused by Stripe: charge_disputed c-2 \(deleted\) – c-2:refund$/,
    );
    expect(lineOf(command, /c-1:initial_fee:refund:1$/)).toMatch(/ 0 min ¥3,000 by hand c-1 \(deleted\) customer-1 /);
    const [sum] = await command.bench.sql`select count(*)::int, sum(amount_minor)::int from keiyaku.refunds`;
    expect(command.out()).toContain(`¥${Number(sum?.sum).toLocaleString("en")} owed in ${sum?.count} refunds`);
  });

  it("shows the longest owed and says how many there are, and is JSON on demand", async () => {
    const command = await setup();
    const rows = [1, 2, 3].map((n) =>
      refundRow({ id: `r-${n}`, payment_id: `p-${n}`, created_at: `2025-01-0${n}T03:00:00Z` }),
    );
    await insertRows(command.bench.sql, "refunds", ...rows);
    expect(await command.run(owing({ limit: 2 }))).toBe(exitCodes.done);
    expect(command.out()).toContain("¥5,940 owed in 3 refunds");
    expect(command.out()).not.toContain("r-3");
    expect(command.err()).toContain("These are the 2 longest owed; --limit shows more.");

    expect(await command.run(owing({ limit: 1, json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({
      refunds: [{ id: "r-1", amountMinor: 1_980, owedSince: "2025-01-01T03:00:00Z", isDeleted: true }],
      total: { count: 3, amountMinor: 5_940 },
    });
  });

  it("shows apart what is on its way at Stripe, with its age, and leaves it out of the sum", async () => {
    const command = await setup();
    const rows = [
      refundRow({ id: "r-1", payment_id: "p-1" }),
      ...(["pending", "requires_action"] as const).map((state, index) =>
        refundRow({
          id: `r-${state}`,
          payment_id: `p-${state}`,
          state,
          stripe_refund_id: `re_${state}`,
          created_at: `2025-01-2${index}T03:00:00Z`,
        }),
      ),
    ];
    await insertRows(command.bench.sql, "refunds", ...rows);
    expect(await command.run(owing({ limit: 1 }))).toBe(exitCodes.done);
    expect(command.out()).toContain("¥1,980 owed in 1 refund\n");
    expect(lineOf(command, /r-pending$/)).toMatch(
      /^2025-01-20 12:00:00 \d+ d ¥1,980 pending at Stripe c-1 \(deleted\) – /,
    );
    expect(command.out()).toContain("¥3,960 on their way at Stripe in 2 refunds, not counted above");
    expect(command.err()).toContain("Of those on their way these are the 1 oldest; --limit shows more.");

    expect(await command.run(owing({ limit: 5, json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({
      total: { count: 1, amountMinor: 1_980 },
      onTheirWay: {
        refunds: [
          { id: "r-pending", state: "pending" },
          { id: "r-requires_action", state: "requires_action" },
        ],
        total: { count: 2, amountMinor: 3_960 },
      },
    });
  });

  it("says none where nothing is owed", async () => {
    const command = await setup();
    expect(await command.run(owing())).toBe(exitCodes.done);
    expect(command.out()).toContain("none\n");
    expect(command.out()).toContain("¥0 owed in 0 refunds");
  });
});
