import { afterEach, describe, expect, it } from "vitest";
import { requestOf } from "../e2e/workers/set-up.ts";
import { endWorkerProcesses } from "../support/worker-process.ts";
import { standingsOf } from "./books.ts";
import { addMonthly } from "./contracts.ts";
import { setUpMatrix } from "./dry-run.ts";
import { alone, untilConcluded } from "./matrix.ts";

afterEach(endWorkerProcesses);

/** A suspended contract whose `terminate` stands before its first request in one worker, and was ended by another. */
async function setUpZombie(failpoint: string) {
  const world = await setUpMatrix();
  const [contractId, operationId] = ["m98-000", "op-m98-000"];
  await addMonthly(world, contractId, {
    contract: { status: "payment_unconfirmed" },
    periods: ["paid", "unpaid"],
    subscription: { status: "past_due" },
  });
  const zombie = await world.worker(alone({ failpoint: `${failpoint}:1:pause` }));
  await world.client().request(requestOf(operationId, "terminate", contractId));
  await zombie.logged(({ msg }) => msg === "pauses at a failpoint");
  zombie.kill("SIGSTOP");
  await world.letPass(61);
  await world.queue.expireLocks();
  await world.worker(alone());
  await untilConcluded(world, [{ operationId }]);
  const standing = async () => (await standingsOf(world, [contractId])).get(contractId);
  const deletions = async () =>
    (await world.stripe.control.requests()).filter(({ method }) => method === "DELETE").map(({ status }) => status);
  return {
    standing,
    deletions,
    wake: async () => {
      zombie.kill("SIGCONT");
      await zombie.logged(({ msg }) => msg.startsWith("work on an operation is over"));
    },
  };
}

describe("a worker that wakes up before its cancellation of a subscription", () => {
  it("is answered 404, since the subscription is cancelled already, and changes nothing", async () => {
    const { standing, deletions, wake } = await setUpZombie("before:stripe:cancel_subscription");
    const before = await standing();
    expect(await deletions()).toEqual([200]);

    await wake();

    expect(await deletions()).toEqual([200, 404]);
    expect(await standing()).toEqual(before);
    expect(before).toMatchObject({ status: "terminated", subscriptions: ["sub_CONTRACT canceled false "] });
    expect(before?.effects.filter((effect) => effect === "subscription.canceled")).toHaveLength(1);
  });
});
