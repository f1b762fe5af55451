import { afterEach, expect, it, onTestFinished } from "vitest";
import { closeQueue, openQueue } from "../../../src/queue/queue-backend.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { addContract, insertRows, paymentRow } from "../../support/store-rows.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { setUp, type World } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** At midnight, so that today's run is owed whenever the test is made. */
const env = { DAILY_RUN_AT: "00:00" };

/** Contracts of which today's run has something to do: their first period has begun, and nobody has recorded a later one. */
async function addDue({ sql }: World, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, index) => `c-${String(index).padStart(3, "0")}`);
  for (const id of ids) {
    // Brought over today, without the history in between.
    await addContract(sql, { id, renewal_due_on: "2024-11-08", created_at: new Date().toISOString() });
    await insertRows(sql, "payments", paymentRow({ contract_id: id }));
  }
  return ids;
}

async function untilDone({ sql }: World) {
  const found = await eventually(
    async () =>
      (await sql`select business_date::text as date, result from keiyaku.maintenance_runs where state = 'done'`)[0],
    { withinMs: 60_000, describe: "the run to be done" },
  );
  return found as unknown as { date: string; result: { operations: Record<string, Record<string, number>> } };
}

async function renewed({ sql }: World) {
  const rows = await sql`select contract_id as id from keiyaku.operations where kind = 'renew' and state = 'succeeded'`;
  return rows.map(({ id }) => String(id)).toSorted();
}

describeOnBackends("the daily run", (type) => {
  it("is made at the start of whoever comes when it is owed, and once by three that start together", async () => {
    const world = await setUp(type, { calendar: true });
    const ids = await addDue(world, 30);
    await Promise.all([
      world.worker({ env, roles: ["operations", "maintenance"] }),
      world.worker({ env, roles: ["operations", "maintenance"] }),
      world.worker({ env, roles: ["maintenance"] }),
    ]);

    const { result } = await untilDone(world);

    expect(result.operations).toEqual({ renew: { succeeded: 30 } });
    expect(await renewed(world)).toEqual(ids);
  });

  it("is made when the queue's scheduler rings for it", async () => {
    const world = await setUp(type, { calendar: true });
    await world.worker({ env, roles: ["operations", "maintenance"] });
    await untilDone(world);
    // As the next day: something is due, and no run of the day is there. The role by itself looks after five minutes only.
    const ids = await addDue(world, 3);
    await world.sql`truncate keiyaku.maintenance_runs`;
    const queue = await openQueue(world.queue.backend, "maintenance", 5_000);
    onTestFinished(() => closeQueue(queue, 1_000));
    const [bell] = await queue.getDelayed();
    await bell?.promote();

    expect((await untilDone(world)).result.operations).toEqual({ renew: { succeeded: 3 } });
    expect(await renewed(world)).toEqual(ids);
  });

  it.each(["before:request_due:4:kill", "after:take_to_ring:1:kill", "after:end_phase:3:kill"])(
    "goes on in another process when its own is killed: %s",
    { timeout: 120_000 },
    async (failpoint) => {
      const world = await setUp(type, { calendar: true });
      const ids = await addDue(world, 10);
      const doomed = world.startingWorker({ env, roles: ["maintenance"], failpoint });
      expect((await doomed.ended(60_000)).signal).toBe("SIGKILL");

      // What the killed one took to ring for is rung for by the sweep once it has been silent.
      await world.worker({ env, roles: ["operations", "maintenance"] });
      if (failpoint.includes("take_to_ring")) {
        await world.letPass(3_600);
        await world.sweepNow();
      }

      expect((await untilDone(world)).result.operations).toEqual({ renew: { succeeded: 10 } });
      expect(await renewed(world)).toEqual(ids);
    },
  );
});
