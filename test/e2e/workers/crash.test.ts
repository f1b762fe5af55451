import { afterEach, describe, expect, it } from "vitest";
import { describeOnBackends } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { booksOf } from "./books.ts";
import { effectsOf, registerPaidByCard } from "./card-contracts.ts";
import { requestOf, setUp } from "./set-up.ts";

afterEach(endWorkerProcesses);

describe("an operation whose workers die again and again", () => {
  it("is finished by the fourth, with each call in effect once", async () => {
    const world = await setUp("postgres");
    await registerPaidByCard(world, "c-1");
    const deaths = ["after:journal_intent:1", "before:journal_resend:1", "after:stripe:refund_payment:1"];
    await world.client().request(requestOf("op-1", "cancel_with_refund", "c-1"));
    for (const boundary of deaths) {
      const victim = world.startingWorker({ failpoint: `${boundary}:kill` });
      expect(await victim.ended(), boundary).toEqual({ code: null, signal: "SIGKILL" });
      await world.letPass(61);
    }
    await world.worker();
    const [operation] = await world.concluded(["op-1"]);

    expect(operation).toMatchObject({ state: "succeeded", attempt: 4 });
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(["refund.created 3000", "refund.created 9800"]);
  });
});

describeOnBackends("a worker that was paused while another took its operation over", (type) => {
  it("changes nothing when it wakes up", async () => {
    const world = await setUp(type);
    await registerPaidByCard(world, "c-1");
    const { control } = world.stripe;
    await control.fault({ mode: "hold", ms: 60_000, method: "POST", path: "/v1/refunds" });
    const paused = await world.worker();
    await world.client().request(requestOf("op-1", "cancel_with_refund", "c-1"));
    await eventually(async () => (await control.requests()).some(({ fault }) => fault === "hold"), {
      withinMs: 10_000,
    });

    paused.kill("SIGSTOP");
    await control.releaseHeld();
    await world.letPass(61);
    await world.queue.expireLocks();
    await world.worker();
    await world.concluded(["op-1"]);
    const [books, operation] = [await booksOf(world, "c-1"), await world.operation("op-1")];

    paused.kill("SIGCONT");
    await eventually(async () => (await paused.ask("/readyz")).ok, { withinMs: 10_000, describe: "the paused worker" });
    await world.register("c-2");
    await world.client().request(requestOf("op-2", "confirm_payment", "c-2"));
    await world.concluded(["op-2"]);
    await world.queueEmpty();

    expect(operation).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(await world.operation("op-1")).toEqual(operation);
    expect(await booksOf(world, "c-1")).toEqual(books);
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(["refund.created 3000", "refund.created 9800"]);
  });
});
