import { expect, it, onTestFinished } from "vitest";
import { keepDailyBell } from "../../../src/queue/daily-bell.ts";
import { dailyBell } from "../../../src/queue/enqueue.ts";
import { closeQueue, openQueue, openWorker } from "../../../src/queue/queue-backend.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { setUpStoreAndQueue } from "./set-up-client.ts";

const tokyo = { dailyRunAt: "03:00", zone: "Asia/Tokyo" };

describeOnBackends("the bell of the daily run", (type) => {
  async function setup() {
    const { queue: home } = await setUpStoreAndQueue(type, "maintenance");
    const open = async () => {
      const queue = await openQueue(home.backend, "maintenance", 5_000);
      onTestFinished(() => closeQueue(queue, 1_000));
      return queue;
    };
    return { home, open, queue: await open() };
  }

  it("rings next at the time of the run in the business zone, and is written once by five at once", async () => {
    const { queue, open } = await setup();
    const queues = await Promise.all([1, 2, 3, 4, 5].map(open));
    await Promise.all(queues.map((each) => keepDailyBell(each, tokyo)));

    const schedulers = await queue.getJobSchedulers();
    expect(schedulers).toMatchObject([{ key: "daily_run", pattern: "0 3 * * *", tz: "Asia/Tokyo" }]);
    expect(await queue.getDelayedCount()).toBe(1);
    expect(new Date(schedulers[0]?.next ?? 0).toISOString()).toMatch(/T18:00:00\.000Z$/);
  });

  it("is left as it is while it is known, written anew when the time changes, and when the queue has lost it", async () => {
    const { queue, home } = await setup();
    expect(await keepDailyBell(queue, tokyo)).toBe(true);
    expect(await keepDailyBell(queue, tokyo)).toBe(false);

    expect(await keepDailyBell(queue, { dailyRunAt: "04:30", zone: "America/New_York" })).toBe(true);
    expect(await queue.getJobSchedulers()).toMatchObject([{ pattern: "30 4 * * *", tz: "America/New_York" }]);
    expect(await queue.getDelayedCount()).toBe(1);

    await home.wipe();
    expect(await keepDailyBell(queue, tokyo)).toBe(true);
    expect(await queue.getDelayedCount()).toBe(1);
  });

  it("is a job that a worker hears", async () => {
    const { queue, home } = await setup();
    await queue.add(dailyBell.name, dailyBell.data, dailyBell.opts);
    const heard = await new Promise<string>((resolve) => {
      const worker = openWorker(home.backend, "maintenance", async ({ name }) => resolve(name), { concurrency: 1 });
      worker.on("error", () => undefined);
      onTestFinished(() => worker.close());
    });
    expect(heard).toBe("daily_run");
  });
});
