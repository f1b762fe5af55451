import { expect, it, onTestFinished } from "vitest";
import { bellJob } from "../../../src/queue/enqueue.ts";
import { closeQueue, openQueue, openWorker } from "../../../src/queue/queue-backend.ts";
import { createRunBells } from "../../../src/queue/run-bells.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { silentLog } from "../../support/test-database.ts";
import { setUpQueue } from "./set-up-client.ts";

describeOnBackends("the bells of the daily run", (type) => {
  async function setup() {
    const home = await setUpQueue(type);
    const queue = await openQueue(home.backend, "operations", 5_000);
    onTestFinished(() => closeQueue(queue, 1_000));
    return { home, queue, bells: createRunBells(queue, silentLog) };
  }

  it("ring behind whatever people want, however long before, in their own order", async () => {
    const { home, queue, bells } = await setup();
    await bells.ring(["scheduled-1", "scheduled-2"]);
    const person = bellJob({ operationId: "person", attempt: 0, ring: 0, cause: "accepted" }, 0);
    await queue.add(person.name, person.data, person.opts);
    expect(await bells.countWaiting()).toBe(3);

    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      const hear = async ({ data }: { data: { operationId: string } }) => {
        if (heard.push(data.operationId) === 3) resolve();
      };
      const worker = openWorker(home.backend, "operations", hear, { concurrency: 1 });
      worker.on("error", () => undefined);
      onTestFinished(() => worker.close());
    });
    expect(heard).toEqual(["person", "scheduled-1", "scheduled-2"]);
  });

  it("ring once for an operation whose bell still waits", async () => {
    const { bells } = await setup();
    await bells.ring(["scheduled-1"]);
    await bells.ring(["scheduled-1", "scheduled-2"]);
    expect(await bells.countWaiting()).toBe(2);
  });

  it("say that nobody knows how many wait when the queue is away, and lose nothing but themselves", async () => {
    const { queue, bells } = await setup();
    await queue.close();
    expect(await bells.countWaiting()).toBeNull();
    await bells.ring(["scheduled-1"]);
  });
});
