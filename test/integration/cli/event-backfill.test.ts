import { describe, expect, it, onTestFinished } from "vitest";
import { type EventBackfillOptions, eventBackfill } from "../../../src/cli/event-backfill.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { compareInbox, noDifferences } from "../../support/compare-inbox.ts";
import { hurriedClock, setUpCommand } from "./set-up-command.ts";

const NOW = "2026-04-20T03:00:00.000Z";

/** A command at a moment that stands still, and an account at which so many charges have been disputed. */
async function setup(disputes: number) {
  const command = await setUpCommand({});
  onTestFinished(() => command.close());
  const { bench } = command;
  const { control } = bench.stripe;
  const ids = Array.from({ length: disputes }, (_, index) => index);
  await control.seed({
    customers: [{ id: "cus_1" }],
    paymentIntents: ids.map((id) => ({ id: `pi_${id}`, customer: "cus_1", amount: 1_000 })),
  });
  for (const id of ids) await control.dispute(`ch_${id}`);
  const backfill = (options: EventBackfillOptions = {}, now?: string) => {
    const clock = hurriedClock();
    const overrides = { clock: now === undefined ? clock : { ...clock, now: () => now } };
    return command.run((context) => eventBackfill(context, options), overrides);
  };
  return { command, bench, control, backfill, differences: () => compareInbox(bench.sql, bench.stripe) };
}

describe("keiyaku event backfill", () => {
  it("takes in what never arrived, says how much that was, and the second time that it was nothing", async () => {
    const { command, backfill, differences } = await setup(3);

    expect(await backfill()).toBe(exitCodes.done);

    expect(command.out()).toMatch(/^Stripe lists 3 events since [\d-]{10} [\d:]{8} \(Asia\/Tokyo\)\.\n/);
    expect(command.out()).toContain("3 of them had not arrived, and were taken in; 0 had.\n");
    expect(command.err()).toBe("");
    expect(await differences()).toEqual(noDifferences);
    expect(await backfill()).toBe(exitCodes.done);
    expect(command.out()).toContain("0 of them had not arrived, and were taken in; 3 had.\n");
  });

  it("prints the same as JSON", async () => {
    const { command, backfill } = await setup(2);

    expect(await backfill({ json: true })).toBe(exitCodes.done);

    expect(command.json()).toEqual({
      finished: true,
      since: expect.any(String),
      listedUntil: expect.any(String),
      listed: 2,
      known: 0,
      missing: 2,
      unreadable: 0,
      foreign: 0,
      lost: null,
    });
  });

  it.each([
    ["2026-03-25T09:00:00+09:00", "2026-03-25T00:00:00Z"],
    ["2026-03-25T00:00:00Z", "2026-03-25T00:00:00Z"],
    ["2026-03-25 09:00", "2026-03-25T00:00:00Z"],
    ["2026-03-25", "2026-03-24T15:00:00Z"],
    ["2026-03-21T03:00:00Z", "2026-03-21T03:00:00Z"],
  ])("lists since %s when told so", async (since, moment) => {
    const { command, backfill, control } = await setup(0);

    expect(await backfill({ since, json: true }, NOW)).toBe(exitCodes.done);

    expect(command.json()).toMatchObject({ since: moment });
    const [asked] = (await control.requests()).filter(({ path }) => path.startsWith("/v1/events"));
    expect(new URL(asked?.path ?? "", "http://x").searchParams.get("created[gte]")).toBe(
      String(Date.parse(moment) / 1_000),
    );
  });

  it.each([
    [
      "2026-03-21T02:59:59Z",
      "is more than 30 days ago, and Stripe lists no older events",
      "from 2026-03-21 12:00:00 on",
    ],
    ["2026-04-20T03:00:01Z", "has not come yet", "a moment that has passed"],
    ["yesterday", "is no moment", "2026-11-20"],
    ["2026-02-30", "is no moment", "2026-11-20"],
  ])("refuses %s, and does nothing", async (since, problem, remedy) => {
    const { command, backfill, control, bench } = await setup(1);

    expect(await backfill({ since }, NOW)).toBe(exitCodes.wrongUsage);

    expect(command.err()).toContain(problem);
    expect(command.err()).toContain(remedy);
    expect(command.out()).toBe("");
    expect((await control.requests()).filter(({ path }) => path.startsWith("/v1/events"))).toEqual([]);
    expect(await bench.sql`select from keiyaku.event_backfills`).toHaveLength(0);
  });

  it.each([
    ["status_401", exitCodes.failed, "stripe_unauthorized", "STRIPE_SECRET_KEY"],
    ["status_403", exitCodes.failed, "stripe_forbidden", "read access to events"],
    ["rate_limit_429", exitCodes.tryLater, "stripe_rate_limited", "STRIPE_LIMIT_SHARE"],
    ["html_502", exitCodes.tryLater, "stripe_unreadable_reply", "status.stripe.com"],
  ] as const)("says what keeps it (%s), how to mend it, and what it has done", async (mode, code, word, remedy) => {
    const { command, backfill, control, bench } = await setup(120);
    await control.fault({ mode, path: "/v1/events", skip: 1, times: 100 });

    expect(await backfill()).toBe(code);

    expect(command.out()).toContain("Stripe lists 100 events");
    expect(command.err()).toContain(`error ${word}:`);
    expect(command.err()).toContain(remedy);
    expect(command.err()).toContain("run the command again for the rest");
    expect(await bench.sql`select from keiyaku.stripe_events`).toHaveLength(100);
  });

  it("says that Stripe cannot be reached", async () => {
    const { command, backfill, bench } = await setup(0);
    await bench.stripe.stop();

    expect(await backfill()).toBe(exitCodes.tryLater);

    expect(command.err()).toContain("error stripe_unreachable:");
  });

  it("says between which moments nothing is listed any more, and that this is no full success", async () => {
    const { command, backfill } = await setup(0);
    await backfill({}, "2026-02-01T00:00:00.000Z");

    expect(await backfill({ json: true }, NOW)).toBe(exitCodes.partlyFailed);

    expect(command.err()).toContain("between 2026-02-01 09:00:00 and 2026-03-21 12:00:00 is not listed any more");
    expect(command.json()).toMatchObject({
      finished: true,
      lost: { from: "2026-02-01T00:00:00Z", until: "2026-03-21T03:00:00Z" },
    });
  });
});
