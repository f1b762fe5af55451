import { afterEach, describe, expect, it } from "vitest";
import { compareInbox, noDifferences } from "../../support/compare-inbox.ts";
import { eventually } from "../../support/eventually.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { setUp, type World } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** Lets a charge be disputed, of which Stripe tells in an event. */
async function dispute({ stripe: { control } }: World): Promise<void> {
  await control.seed({
    customers: [{ id: "cus_1" }],
    paymentIntents: [{ id: "pi_1", customer: "cus_1", amount: 500 }],
  });
  await control.dispute("ch_1");
}

const listed = { withinMs: 30_000, describe: "the event in the inbox" };

describe("the back-fill of a worker", () => {
  it("takes in at its start what happened while none was there, and stops with it", async () => {
    const world = await setUp("postgres");
    await dispute(world);

    const worker = await world.worker({ roles: ["events"] });

    const isIn = async () => (await world.sql`select from keiyaku.stripe_events`).length > 0;
    await eventually(isIn, listed);
    expect(await compareInbox(world.sql, world.stripe)).toEqual(noDifferences);
    await worker.logged(({ msg }) => msg === "took in events that had not arrived");
    const metrics = await (await worker.ask("/metrics")).text();
    expect(metrics).toContain('keiyaku_events_listed_total{found="missing"} 1');
    expect(metrics).toMatch(/^keiyaku_events_listed_age_seconds \d/m);
    worker.kill("SIGTERM");
    expect(await worker.ended()).toEqual({ code: 0, signal: null });
  });

  it("that Stripe's key does not permit says so, and keeps nothing else from working", async () => {
    const world = await setUp("postgres");
    await world.stripe.control.fault({ mode: "status_403", path: "/v1/events", times: 10 });

    const worker = await world.worker({ roles: ["events"] });

    const line = await worker.logged(({ level }) => level === "error");
    expect(line).toMatchObject({ reason: "forbidden", remedy: expect.stringContaining("read access to events") });
    expect((await worker.ask("/readyz")).status).toBe(200);
    worker.kill("SIGTERM");
    expect(await worker.ended()).toEqual({ code: 0, signal: null });
  });

  it("that is killed before it could note its end is done again by the next, once", async () => {
    const world = await setUp("postgres");
    await dispute(world);
    const killed = world.startingWorker({ roles: ["events"], failpoint: "before:note_listed:1:kill" });
    expect(await killed.ended()).toMatchObject({ signal: "SIGKILL" });
    expect(await compareInbox(world.sql, world.stripe)).toEqual(noDifferences);

    await world.worker({ roles: ["events"] });

    const isNoted = async () => {
      const [row] = await world.sql`select listed_until > clock_timestamp() - interval '30 minutes' as noted
        from keiyaku.event_backfills`;
      return row?.noted === true;
    };
    await eventually(isNoted, listed);
    expect(await compareInbox(world.sql, world.stripe)).toEqual(noDifferences);
  });
});
