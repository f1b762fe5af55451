import { afterEach, expect, it } from "vitest";
import { describeOnBackends } from "../../support/backends.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { type OperationRow, requestOf, setUp } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** What each operation must have done, if they took effect one after another: an independent fold over their order. */
function expectedOf(operations: readonly OperationRow[]) {
  let status = "active";
  return operations.map(({ id, kind }) => {
    const before = status;
    const fits = kind === "suspend" ? before === "active" : before === "payment_unconfirmed";
    if (!fits) return { id, state: "rejected", before };
    status = kind === "suspend" ? "payment_unconfirmed" : "active";
    return { id, state: "succeeded", before, after: status };
  });
}

function seenOf({ id, state, outcome, rejection_detail: rejection }: OperationRow) {
  return outcome === null
    ? { id, state, before: rejection?.status }
    : { id, state, before: outcome.statusBefore, after: outcome.statusAfter };
}

describeOnBackends("requests for one contract", (type) => {
  it("take effect in the order of their acceptance, over two workers", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    await world.perform({ id: "confirm", kind: "confirm_payment", contractId: "c-1" });
    await Promise.all([world.worker(), world.worker()]);
    const ids = Array.from({ length: 20 }, (_, index) => `op-${index}`);
    const requests = ids.map((id, index) => requestOf(id, index % 2 === 0 ? "suspend" : "resume", "c-1"));

    const clients = [world.client(), world.client()];
    const shareOf = (client: number) => requests.filter((_, index) => index % clients.length === client);
    await Promise.all(
      clients.flatMap((client, index) => shareOf(index).map(async (request) => client.request(request))),
    );
    const operations = await world.concluded(ids);

    expect(operations.map(seenOf)).toEqual(expectedOf(operations));
    expect(operations.filter(({ state }) => state === "succeeded").length).toBeGreaterThan(0);
    const ends = operations.map(({ concluded_at }) => concluded_at?.getTime());
    expect(ends).toEqual(ends.toSorted((a, b) => Number(a) - Number(b)));
    const lastChange = operations.findLast(({ state }) => state === "succeeded")?.id;
    expect(await world.sql`select changed_by_operation_id as last from keiyaku.contracts`).toEqual([
      { last: lastChange },
    ]);
  });
});
