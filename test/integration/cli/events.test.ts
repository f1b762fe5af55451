import { describe, expect, it, onTestFinished } from "vitest";
import { eventIgnore } from "../../../src/cli/event-ignore.ts";
import { type EventListOptions, eventList } from "../../../src/cli/event-list.ts";
import { eventReplay } from "../../../src/cli/event-replay.ts";
import { eventShow } from "../../../src/cli/event-show.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { operationShow } from "../../../src/cli/operation-show.ts";
import { applyDueEvents } from "../../../src/inbox/apply-events.ts";
import { takeInEvents } from "../../../src/store/take-in-events.ts";
import { readEvent } from "../../../src/stripe/events.ts";
import { addContract } from "../../support/store-rows.ts";
import { silentLog } from "../../support/test-database.ts";
import { eventOf, subscriptionUpdated } from "../inbox/set-up-inbox.ts";
import { type CommandBench, setUpCommand } from "./set-up-command.ts";

/** An inbox with an event in each state: evt_applied, evt_ignored, evt_unmatched, evt_held. */
async function setUp(): Promise<CommandBench> {
  const command = await setUpCommand();
  onTestFinished(() => command.close());
  const { sql, db } = command.bench;
  await addContract(sql, { payment_method: "card" });
  await arrive(
    command,
    subscriptionUpdated("sub_1", { id: "evt_applied" }),
    eventOf("invoice.finalized", { id: "in_1" }, { id: "evt_ignored" }),
    subscriptionUpdated("sub_new", { id: "evt_unmatched" }),
    eventOf("invoice.paid", { id: "in_1", customer_email: "hanako@example.com" }, { id: "evt_held" }),
  );
  await applyDueEvents({ db, log: silentLog }, 100);
  return command;
}

async function arrive({ bench }: CommandBench, ...sent: readonly object[]) {
  for (const one of sent) {
    const read = readEvent(one);
    if (read.type === "event") await takeInEvents(bench.db, [read.event], "relay");
  }
}

const listing = (command: CommandBench, options: Partial<EventListOptions> = {}) =>
  command.run((context) => eventList(context, { limit: 50, json: true, ...options }));
const showing = (command: CommandBench, eventId: string, options = {}) =>
  command.run((context) => eventShow(context, { eventId, ...options }));
const why = { reason: "the parser was mended", actor: "operator:alice" };
const replaying = (command: CommandBench, eventId: string, options = {}) =>
  command.run((context) => eventReplay(context, { eventId, ...why, ...options }));
const ignoring = (command: CommandBench, eventId: string, options = {}) =>
  command.run((context) => eventIgnore(context, { eventId, ...why, ...options }));
const idsOf = (command: CommandBench) => (command.json() as { id: string }[]).map(({ id }) => id).sort();
const stateOf = async ({ bench }: CommandBench, id: string) => {
  const [row] = await bench.sql`select state, state_reason from keiyaku.stripe_events where id = ${id}`;
  return row;
};

describe("events", () => {
  it("are listed by state, contract and type, without what they said", async () => {
    const command = await setUp();
    await listing(command);
    expect(idsOf(command)).toEqual(["evt_applied", "evt_held", "evt_ignored", "evt_unmatched"]);
    expect(command.out()).not.toContain("hanako");
    await listing(command, { states: ["held", "unmatched"] });
    expect(idsOf(command)).toEqual(["evt_held", "evt_unmatched"]);
    await listing(command, { contractId: "c-1" });
    expect(idsOf(command)).toEqual(["evt_applied"]);
    await listing(command, { type: "invoice.paid" });
    expect(idsOf(command)).toEqual(["evt_held"]);
    await listing(command, { limit: 1, json: false });
    expect(command.err()).toContain("--limit shows more");
    await listing(command, { json: false });
    expect(command.out()).toMatch(/ evt_applied +customer\.subscription\.updated +applied +c-1 +stripe\.evt_applied$/m);
    expect(command.out()).toMatch(/ evt_unmatched .* unmatched +– +– +no_contract: sub_new$/m);
  });

  it("are shown with what became of them, and with what they said only when asked", async () => {
    const command = await setUp();
    expect(await showing(command, "evt_applied")).toBe(exitCodes.done);
    expect(command.out()).toMatch(/^ {2}operation +stripe\.evt_applied \(record_subscription_change\), requested$/m);
    await showing(command, "evt_held");
    expect(command.out()).toMatch(/^ {2}reason +unreadable: data\.object\.attempt_count$/m);
    expect(command.out()).toMatch(/^ {2}body +kept; --body shows it$/m);
    expect(command.out()).not.toContain("hanako");
    await showing(command, "evt_held", { body: true });
    expect(command.out()).toContain("hanako@example.com");
    await showing(command, "evt_applied", { json: true });
    expect(command.json()).toMatchObject({
      id: "evt_applied",
      state: "applied",
      hasBody: true,
      operation: { id: "stripe.evt_applied", kind: "record_subscription_change", state: "requested" },
    });
    expect(command.out()).not.toContain('"body"');
    await showing(command, "evt_applied", { json: true, body: true });
    expect(command.json()).toMatchObject({ body: { id: "evt_applied" } });
    expect(await showing(command, "evt_none")).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error event_not_found: /);
  });

  it("are named by the operation that they became", async () => {
    const command = await setUp();
    await command.run((context) => operationShow(context, { operationId: "stripe.evt_applied" }));
    expect(command.out()).toMatch(/^ {2}reported by +evt_applied \(customer\.subscription\.updated\)$/m);
    await command.run((context) => operationShow(context, { operationId: "stripe.evt_applied", json: true }));
    expect(command.json()).toMatchObject({ events: [{ id: "evt_applied", type: "customer.subscription.updated" }] });
  });
});

describe("replaying an event", () => {
  it.each(["evt_held", "evt_unmatched", "evt_ignored_by_hand"])(
    "has %s looked at again, with who and why",
    async (id) => {
      const command = await setUp();
      await arrive(command, subscriptionUpdated("sub_other", { id: "evt_ignored_by_hand" }));
      await applyDueEvents({ db: command.bench.db, log: silentLog }, 100);
      expect(await ignoring(command, "evt_ignored_by_hand")).toBe(exitCodes.done);
      expect(await replaying(command, id, { json: true })).toBe(exitCodes.done);
      expect(command.json()).toEqual({ eventId: id, state: "received" });
      expect(await stateOf(command, id)).toEqual({
        state: "received",
        state_reason: "replayed by operator alice: the parser was mended",
      });
    },
  );

  it("is refused for what became an operation that has not been given up, and says so", async () => {
    const command = await setUp();
    expect(await replaying(command, "evt_applied")).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error event_applied: .* stripe\.evt_applied, which is requested\./);
    await command.hold("stripe.evt_applied");
    await command.bench.sql`update keiyaku.operations set state = 'abandoned', concluded_at = now(),
      abandonment = '{"operatorId":"alice","reason":"by hand"}' where id = 'stripe.evt_applied'`;
    expect(await replaying(command, "evt_applied")).toBe(exitCodes.done);
  });

  it("is refused while it waits anyway, and when its body is gone", async () => {
    const command = await setUp();
    await replaying(command, "evt_held");
    expect(await replaying(command, "evt_held")).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error event_waits: /);
    await command.bench.sql`update keiyaku.stripe_events set body = null, mentions = null where id = 'evt_unmatched'`;
    expect(await replaying(command, "evt_unmatched")).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error event_body_gone: /);
  });

  it("is an operator's to decide", async () => {
    const command = await setUp();
    expect(await replaying(command, "evt_held", { actor: "customer:u-1" })).toBe(exitCodes.wrongUsage);
    expect(await stateOf(command, "evt_held")).toMatchObject({ state: "held" });
  });
});

describe("ignoring an event", () => {
  it.each(["evt_held", "evt_unmatched"])("ends the wait of %s, with who and why", async (id) => {
    const command = await setUp();
    expect(await ignoring(command, id)).toBe(exitCodes.done);
    expect(await stateOf(command, id)).toEqual({
      state: "ignored",
      state_reason: "ignored by operator alice: the parser was mended",
    });
  });

  it("is for what waits for a person only", async () => {
    const command = await setUp();
    expect(await ignoring(command, "evt_applied")).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error event_not_waiting: Event evt_applied is applied, /);
  });
});
