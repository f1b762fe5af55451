import Stripe from "stripe";
import { describe, expect, it, onTestFinished } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { type ReconcileOptions, reconcile } from "../../../src/cli/reconcile.ts";
import { canceledWithoutItsPayment, monthlyByCard } from "../../support/card-contracts.ts";
import { addOperations } from "../../support/store-rows.ts";
import { hurriedClock, setUpCommand } from "./set-up-command.ts";

/** A command, so many contracts by card, and what somebody may do to a subscription on Stripe's dashboard. */
async function setup(contracts = 1) {
  const command = await setUpCommand({});
  onTestFinished(() => command.close());
  const { bench } = command;
  const monthly = [];
  for (let each = 0; each < contracts; each += 1) monthly.push(await monthlyByCard(bench));
  const sdk = new Stripe(bench.stripe.secretKey, {
    host: "127.0.0.1",
    port: bench.stripe.port,
    protocol: "http",
    telemetry: false,
  });
  return {
    command,
    bench,
    monthly,
    run: (options: ReconcileOptions = {}, overrides: Partial<CommandContext> = {}) =>
      command.run((context) => reconcile(context, options), { clock: hurriedClock(), ...overrides }),
    endAtStripe: (subscriptionId: string) =>
      sdk.subscriptions.cancel(subscriptionId, {}, { idempotencyKey: `dashboard-${subscriptionId}` }),
  };
}

describe("keiyaku reconcile", () => {
  it("says that the books are equal", async () => {
    const { command, run } = await setup(2);

    expect(await run()).toBe(exitCodes.done);

    expect(command.out()).toBe(
      [
        "2 of 2 contracts by card were looked at.",
        "  asked   0 put right by operations that were asked for",
        "  busy    0 contracts that kept changing",
        "  unread  0 contracts of which Stripe did not tell",
        "  left    0 differences for a person",
        "",
      ].join("\n"),
    );
  });

  it("names each difference, says what to do, and fails", async () => {
    const { command, run, monthly, endAtStripe } = await setup();
    const [{ contractId, subscriptionId } = { contractId: "", subscriptionId: "" }] = monthly;
    await endAtStripe(subscriptionId);

    expect(await run()).toBe(exitCodes.failed);

    expect(command.out()).toContain(
      [
        `subscription_ended  ${contractId}: The contract is active, and its subscription ${subscriptionId} has ended at Stripe (canceled).`,
        "  `--repair` puts it right.",
        "1 of 1 contracts by card were looked at.",
        "  subscription_ended: 1",
      ].join("\n"),
    );
  });

  it("asks for what puts it right, and is equal once that is done", async () => {
    const { command, run, monthly, endAtStripe, bench } = await setup();
    await endAtStripe(monthly[0]?.subscriptionId ?? "");

    expect(await run({ repair: true })).toBe(exitCodes.done);

    const [asked] = await bench.sql`select id from keiyaku.operations where actor_id = 'reconcile'`;
    expect(command.out()).toContain(`  Operation ${asked?.id} puts it right (requested).\n`);
    expect(command.out()).toMatch(/asked {3}1 put right.*left {4}0 differences/s);
    await command.drain();
    expect(await run()).toBe(exitCodes.done);
  });

  it("prints a line of JSON for each, in both languages, and a summary as the last", async () => {
    const { command, run, monthly, endAtStripe } = await setup(2);
    await endAtStripe(monthly[1]?.subscriptionId ?? "");

    expect(await run({ json: true, repair: true })).toBe(exitCodes.done);

    expect(command.jsonLines()).toMatchObject([
      {
        type: "difference",
        difference: "subscription_ended",
        contractId: monthly[1]?.contractId,
        detail: { subscriptionId: monthly[1]?.subscriptionId },
        repair: { kind: "record_subscription_end" },
        ja: { sentence: expect.stringContaining("終了しています") },
        en: { remedy: "`--repair` puts it right." },
        asked: { operationId: expect.stringMatching(/^reconcile\.[0-9a-f]{40}$/), state: "requested" },
      },
      { type: "summary", ended: "finished", looked: 2, total: 2, differences: {}, asked: 1, busy: 0, unread: 0 },
    ]);
  });

  it("leaves to a person what would give money back, says so, and asks for it with --with-refunds", async () => {
    const { command, run, bench } = await setup(0);
    await canceledWithoutItsPayment(bench);

    expect(await run({ repair: true })).toBe(exitCodes.failed);
    expect(command.out()).toContain(
      "  Putting the contract right gives money back: look at it, and ask with `--with-refunds` if it is to go back.\n",
    );
    expect(await run({ repair: true, json: true })).toBe(exitCodes.failed);
    expect(command.out()).toMatch(/"ja":\{[^}]*--with-refunds[^}]*\}.*"givesBack":true/);
    expect(await run({ repair: true, withRefunds: true })).toBe(exitCodes.done);
  });

  it("looks at one contract alone", async () => {
    const { command, run, monthly, endAtStripe, bench } = await setup(2);
    await endAtStripe(monthly[1]?.subscriptionId ?? "");

    expect(await run({ contractId: monthly[0]?.contractId ?? "" })).toBe(exitCodes.done);
    expect(await run({ contractId: monthly[1]?.contractId ?? "" })).toBe(exitCodes.failed);
    expect(command.out()).toContain("1 of 1 contracts by card");
    expect(await bench.sql`select from keiyaku.book_checks`).toHaveLength(0);
    expect(await run({ contractId: "nobody" })).toBe(exitCodes.failed);
    expect(command.err()).toContain("error contract_not_by_card:");
  });

  it("says which contracts were busy, and that this is no full success", async () => {
    const { command, run, monthly, bench } = await setup(2);
    const contractId = monthly[0]?.contractId ?? "";
    await addOperations(bench.sql, { id: "open", contract_id: contractId });

    expect(await run()).toBe(exitCodes.partlyFailed);

    expect(command.out()).toContain(`busy  ${contractId}: it kept changing; look at it again later.\n`);
    expect(command.out()).toContain("  busy    1 contracts");
  });

  it.each([
    ["status_401", exitCodes.failed, "stripe_unauthorized", "may read subscriptions, invoices, charges"],
    ["status_403", exitCodes.failed, "stripe_forbidden", "may read subscriptions, invoices, charges"],
    ["rate_limit_429", exitCodes.tryLater, "stripe_rate_limited", "status.stripe.com"],
  ] as const)("says what keeps it (%s), and goes on from there", async (mode, code, word, remedy) => {
    const { command, run, bench } = await setup();
    await bench.stripe.control.fault({ mode, path: "/v1/subscriptions", times: 4 });

    expect(await run()).toBe(code);
    expect(command.err()).toContain(`error ${word}:`);
    expect(command.err()).toContain(remedy);
    expect(command.err()).toContain("--resume");

    await bench.stripe.control.clearFaults();
    expect(await run({ resume: true })).toBe(exitCodes.done);
    expect(command.out()).toContain("1 of 1 contracts");
  });

  it("ends with the page at hand when it is interrupted, says how to go on, and goes on", async () => {
    const { command, run, bench } = await setup(2);
    const interruption = new AbortController();
    interruption.abort();

    await run({}, { signal: interruption.signal });
    expect(command.out()).toContain("0 of 2 contracts by card were looked at.\n");
    expect(command.err()).toContain("Interrupted. `keiyaku reconcile --resume` goes on from here.\n");
    expect(await bench.sql`select state from keiyaku.book_checks`).toEqual([{ state: "running" }]);

    expect(await run({ resume: true })).toBe(exitCodes.done);
    expect(command.out()).toContain("2 of 2 contracts");
    expect(await run({ resume: true })).toBe(exitCodes.wrongUsage);
    expect(command.err()).toContain("error nothing_to_resume:");
  });
});
