import { pino } from "pino";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import type { BackfillReport } from "../../../src/inbox/backfill-events.ts";
import type { Database } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import type { GatewayReply } from "../../../src/stripe/gateway.ts";
import type { EventsPage } from "../../../src/stripe/stripe-gateway.ts";
import { startBackFilling } from "../../../workers/back-filling.ts";

const nothing: GatewayReply<EventsPage> = {
  type: "done",
  value: { events: [], nextAfter: null, toldAt: null },
  requestId: "req_1",
};
const wrongKey: GatewayReply<EventsPage> = { type: "not_now", reason: "unauthorized", requestId: "req_1" };
const away: GatewayReply<EventsPage> = { type: "not_now", reason: "unreachable", requestId: null };

/** The timer over replies that are given in turn, on a clock whose waits end when the test lets them. */
function setup(replies: (GatewayReply<EventsPage> | Error)[], listedUntil = "2026-04-20T00:00:00Z") {
  const logged: Record<string, unknown>[] = [];
  const ended: (BackfillReport | "failed")[] = [];
  const waits: { readonly ms: number; readonly end: () => void }[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const clock: Clock = {
    ...systemClock,
    now: () => "2026-04-20T00:05:00.000Z",
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const abort = () => reject(new DOMException("aborted", "AbortError"));
        if (signal?.aborted === true) return abort();
        waits.push({ ms, end: resolve });
        signal?.addEventListener("abort", abort);
      }),
  };
  const db = { run: async () => [{ listedUntil }] } as unknown as Database;
  const listEvents = vi.fn(async () => {
    const reply = replies.shift() ?? nothing;
    if (reply instanceof Error) throw reply;
    return reply;
  });
  const backFilling = startBackFilling({
    db,
    connection: { listEvents },
    clock,
    log,
    origin: { livemode: false, account: null },
    backfillEnded: (each) => void ended.push(each),
  });
  onTestFinished(() => backFilling.stop());
  /** Resolves once so many back-fills have ended and the next one is waited for; each wait is ended for the next. */
  const turns = async (count: number) => {
    for (let turn = 1; turn <= count; turn += 1) {
      await vi.waitFor(() => expect(waits).toHaveLength(turn));
      if (turn < count) waits.at(-1)?.end();
    }
  };
  const errors = () => logged.filter(({ level }) => level === 50);
  return { logged, errors, ended, waits, listEvents, backFilling, turns };
}

describe("the timer of back-fills", () => {
  it("lists at once, and then every five minutes", async () => {
    const { turns, waits, listEvents, ended } = setup([]);

    await turns(3);

    expect(listEvents).toHaveBeenCalledTimes(3);
    for (const { ms } of waits) expect(Math.abs(ms - 300_000)).toBeLessThanOrEqual(15_000);
    expect(ended).toHaveLength(3);
    expect(ended[0]).toMatchObject({ type: "finished" });
  });

  it("tells a failure once, with the remedy, asks no more often, and says when it is over", async () => {
    const { turns, waits, errors, logged, listEvents } = setup([wrongKey, wrongKey, wrongKey]);

    await turns(4);

    expect(errors()).toEqual([
      expect.objectContaining({
        msg: expect.stringContaining("does not accept the key (401)"),
        remedy: expect.stringContaining("STRIPE_SECRET_KEY"),
        reason: "unauthorized",
      }),
    ]);
    expect(listEvents).toHaveBeenCalledTimes(4);
    for (const { ms } of waits) expect(ms).toBeGreaterThan(280_000);
    expect(logged.at(-1)).toMatchObject({ level: 30, msg: "Stripe's events are listed again" });
  });

  it("tells another failure, and the same one again after it was over", async () => {
    const { turns, errors } = setup([wrongKey, away, away, nothing, away]);

    await turns(5);

    expect(errors().map(({ reason }) => reason)).toEqual(["unauthorized", "unreachable", "unreachable"]);
  });

  it("goes on after an error of the database, which is told by its code", async () => {
    const down = new StoreError("unreachable", "ECONNREFUSED", "take_in_events");
    const { turns, errors, ended } = setup([down, down, nothing]);

    await turns(3);

    expect(errors()).toEqual([expect.objectContaining({ err: expect.objectContaining({ code: "ECONNREFUSED" }) })]);
    expect(ended).toEqual(["failed", "failed", expect.objectContaining({ type: "finished" })]);
  });

  it("names an event that cannot be taken in by its id, and nothing else of it", async () => {
    const spoilt = { id: "evt_odd", object: "event", data: { object: { name: "山田 花子" } } };
    const value = { events: [spoilt], nextAfter: null, toldAt: null };
    const { turns, errors, logged } = setup([{ type: "done", value, requestId: null }]);

    await turns(1);

    expect(errors()).toEqual([expect.objectContaining({ eventId: "evt_odd", field: "type" })]);
    expect(JSON.stringify(logged)).not.toContain("花子");
  });

  it("tells an event of another account loudly, by its id", async () => {
    const foreign = {
      id: "evt_foreign",
      object: "event",
      type: "invoice.paid",
      livemode: false,
      account: "acct_other",
      created: 1_776_643_200,
      data: { object: { id: "in_1", customer_name: "山田 花子" } },
    };
    const value = { events: [foreign], nextAfter: null, toldAt: null };
    const { turns, errors, ended, logged } = setup([{ type: "done", value, requestId: null }]);

    await turns(1);

    expect(errors()).toEqual([expect.objectContaining({ eventId: "evt_foreign", account: "acct_other" })]);
    expect(ended).toMatchObject([{ found: { foreign: 1 } }]);
    expect(JSON.stringify(logged)).not.toContain("花子");
  });

  it("tells what is lost when the last one is more than 30 days ago", async () => {
    const { turns, errors } = setup([], "2026-03-01T00:00:00Z");

    await turns(1);

    expect(errors()).toEqual([
      expect.objectContaining({ from: "2026-03-01T00:00:00Z", until: "2026-03-21T00:05:00Z" }),
    ]);
  });

  it("stops while it waits, and says nothing", async () => {
    const { turns, backFilling, logged, listEvents } = setup([]);
    await turns(1);

    await backFilling.stop();

    expect(listEvents).toHaveBeenCalledTimes(1);
    expect(logged).toEqual([]);
  });

  it("stops while a page is to be read again, and tells no failure", async () => {
    const limited: GatewayReply<EventsPage> = { type: "not_now", reason: "rate_limited", requestId: null };
    const { turns, backFilling, logged, ended } = setup([limited]);
    await turns(1);

    await backFilling.stop();

    expect(ended).toEqual([]);
    expect(logged).toEqual([]);
  });
});
