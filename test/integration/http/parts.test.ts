import { expect, it } from "vitest";
import { createApiParts } from "../../../src/http/create-api-parts.ts";
import { serviceToken, setUpApi } from "../../support/api.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { monthlyTerms } from "../../support/execution.ts";

function setUp() {
  return setUpApi({ parts: ({ deps }) => createApiParts(deps) });
}

it("previews what a request would do at Stripe and here, does nothing, and carries out just that", async () => {
  const { ask, bench } = await setUp();
  const { contractId, subscriptionId } = await monthlyByCard(bench);
  const body = { kind: "reserve_termination", contractId };

  const { status, body: plan } = await ask("/previews", { method: "POST", body });
  expect([status, plan]).toMatchObject([
    200,
    {
      rejection: null,
      status: { before: "active", after: "termination_reserved" },
      calls: [{ verb: "set_cancel_at_period_end", subscriptionId, cancelAtPeriodEnd: true }],
    },
  ]);
  expect((await ask(`/contracts/${contractId}`)).body.contract).toMatchObject({ status: "active" });

  await ask("/operations", { method: "POST", body: { ...body, id: "reserve-1", expectedPlan: plan.digest } });
  await bench.execute("reserve-1");
  expect((await ask("/operations/reserve-1")).body).toMatchObject({ state: "succeeded" });
});

it("tells the new plan of a request that would now do something else", async () => {
  const { ask, bench } = await setUp();
  const { contractId } = await monthlyByCard(bench);
  const body = { kind: "reserve_termination", contractId, expectedPlan: "0".repeat(64) };
  await ask("/operations", { method: "POST", body: { ...body, id: "reserve-2" } });
  await bench.execute("reserve-2");
  expect((await ask("/operations/reserve-2")).body).toMatchObject({
    rejectionCode: "plan_changed",
    rejectionDetail: {
      plan: { status: { after: "termination_reserved" }, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    },
  });
});

it("refuses a preview of what is no request, and tells what a rule would refuse", async () => {
  const { ask } = await setUp();
  const preview = (body: object) => ask("/previews", { method: "POST", body });
  expect((await preview({ kind: "dance", contractId: "c-1" })).body).toMatchObject({ status: 400, field: "kind" });
  expect((await preview({ kind: "suspend", contractId: "c-none" })).body).toMatchObject({
    rejection: { code: "contract_not_found", sentence: { ja: expect.stringContaining("契約") } },
  });
});

it("shows the buttons of a contract to an operator, and to its customer others", async () => {
  const { ask, bench } = await setUp();
  await bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
  const allowed = ({ body }: Awaited<ReturnType<typeof ask>>) =>
    (body.buttons as { kind: string; allowed: boolean }[]).flatMap((button) => (button.allowed ? [button.kind] : []));

  expect(allowed(await ask("/contracts/c-1/buttons"))).toEqual(["cancel", "confirm_payment", "delete"]);
  expect(allowed(await ask("/contracts/c-1/buttons?customer=customer-1", { token: serviceToken }))).toEqual(["cancel"]);
  expect((await ask("/contracts/c-2/buttons")).status).toBe(404);
});

it("takes products and customers by version, under the id of the path", async () => {
  const { ask } = await setUp();
  const product = { kind: "monthly", access: "per_period", priceMinor: 980, automaticTerminationMonth: null };
  const put = (version: number, more: object = {}) =>
    ask("/products/magazine", { method: "PUT", body: { ...product, version, ...more } });

  expect((await put(2)).status).toBe(201);
  expect((await put(1)).body).toEqual({ answer: "ignored", version: 2 });
  expect((await put(3)).body).toEqual({ answer: "updated", version: 3 });
  expect((await put(4, { id: "another" })).body).toMatchObject({ status: 400, field: "id" });
  expect((await put(4, { priceMinor: -1 })).body).toMatchObject({ status: 400, field: "priceMinor" });
  const customer = { email: "hanako@example.com", name: "山田 花子", locale: "ja", version: 1 };
  expect((await ask("/customers/customer-1", { method: "PUT", body: customer })).status).toBe(201);
});
