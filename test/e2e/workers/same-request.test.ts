import { afterEach, expect, it } from "vitest";
import { describeOnBackends } from "../../support/backends.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { effectsOf, registerPaidByCard } from "./card-contracts.ts";
import { requestOf, setUp } from "./set-up.ts";

afterEach(endWorkerProcesses);

describeOnBackends("the same request, sent again and again", (type) => {
  it("takes effect once, however often it comes and from however many producers", async () => {
    const world = await setUp(type);
    const { sql } = world;
    await registerPaidByCard(world, "c-1");
    await Promise.all([world.worker(), world.worker()]);

    const request = requestOf("cancel-1", "cancel_with_refund", "c-1", { reason: "double click" });
    const sendings = 1_000;
    const lanes = [world.client(), world.client(), world.client()].flatMap((client) => [client, client]);
    let sent = 0;
    await Promise.all(
      lanes.map(async (client) => {
        while (sent < sendings) {
          sent += 1;
          await client.request(request);
        }
      }),
    );
    const [operation] = await world.concluded(["cancel-1"]);
    await world.queueEmpty();

    expect(operation).toMatchObject({ state: "succeeded", attempt: 1, outcome: { statusAfter: "canceled" } });
    expect(await sql`select id from keiyaku.operations`).toHaveLength(2); // and the registration
    expect(await sql`select * from keiyaku.refused_requests`).toEqual([]);
    // The registration, the admission, the intent and the answer of each of two refunds, and the end.
    expect(await sql`select status, version from keiyaku.contracts`).toEqual([{ status: "canceled", version: 7 }]);
    expect(await sql`select state, amount_minor::int as amount from keiyaku.refunds order by amount_minor`).toEqual([
      { state: "succeeded", amount: 3_000 },
      { state: "succeeded", amount: 9_800 },
    ]);
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(["refund.created 3000", "refund.created 9800"]);
  });

  it("is refused with other content under its id, and the first stays as it is", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    await world.worker();
    const client = world.client();
    await client.request(requestOf("op-1", "confirm_payment", "c-1"));
    await world.concluded(["op-1"]);
    const before = await world.operation("op-1");

    await client.request(requestOf("op-1", "cancel", "c-1"));
    await world.queueEmpty();

    expect(await world.operation("op-1")).toEqual(before);
    expect(await world.sql`select request_id, code, field, times from keiyaku.refused_requests`).toEqual([
      { request_id: "op-1", code: "id_reused", field: "id", times: 1 },
    ]);
    expect(await world.sql`select status from keiyaku.contracts`).toEqual([{ status: "active" }]);
  });
});
