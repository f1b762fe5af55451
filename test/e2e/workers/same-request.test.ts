import { afterEach, expect, it } from "vitest";
import { describeOnBackends } from "../../support/backends.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { requestOf, setUp } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** A one-time contract that was paid by card: cancelling it gives the money back through Stripe. */
async function paidByCard(world: Awaited<ReturnType<typeof setUp>>, contractId: string) {
  await world.stripe.control.seed({
    customers: [{ id: "cus_1" }],
    paymentIntents: [{ id: "pi_1", customer: "cus_1", amount: 9_800 }],
  });
  await world.register(contractId, {
    productId: "course",
    product: { id: "course", kind: "one_time", access: "all_at_once", priceMinor: 9_800 },
    kind: "one_time",
    paymentMethod: "card",
    priceMinor: 9_800,
    initialFeeMinor: 0,
    stripe: { customerId: "cus_1", paymentIntentId: "pi_1" },
    payments: [{ subject: "one_time_price", paidAt: "2024-10-08T01:00:00Z" }],
  });
}

describeOnBackends("the same request, sent again and again", (type) => {
  it("takes effect once, however often it comes and from however many producers", async () => {
    const world = await setUp(type);
    const { sql, stripe } = world;
    await paidByCard(world, "c-1");
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
    // One for the admission, one each for the intent and the answer of the refund, one for the end.
    expect(await sql`select status, version from keiyaku.contracts`).toEqual([{ status: "canceled", version: 5 }]);
    expect(await sql`select state, amount_minor from keiyaku.refunds`).toEqual([
      { state: "succeeded", amount_minor: "9800" },
    ]);
    const effects = (await stripe.control.ledger()).filter(({ requestId }) => requestId !== null);
    expect(effects.map(({ effect, amount }) => [effect, amount])).toEqual([
      ["refund.created", 9_800],
      ["refund.succeeded", 9_800],
    ]);
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
