import { describe, expect, it, onTestFinished } from "vitest";
import type { ApiParts } from "../../../src/http/api-parts.ts";
import { ledgerParts } from "../../../src/http/ledger-parts.ts";
import { serviceToken, setUpApi } from "../../support/api.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, monthlyTerms } from "../../support/execution.ts";

/** An API whose previews and buttons are those of the rules, over a contract that awaits its payment. */
async function setUp() {
  const bench = await createExecutionBench();
  onTestFinished(() => bench.close());
  const parts: Partial<ApiParts> = ledgerParts(bench.deps);
  const api = await setUpApi({ db: bench.db, parts });
  await bench.perform({ id: "register-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
  return { ...api, bench };
}

describe("a preview over HTTP", () => {
  it("tells what the request would do, and under which digest to ask for just that", async () => {
    const { ask, bench } = await setUp();
    const request = { id: "cancel-1", kind: "cancel", contractId: "c-1" };

    const plan = await ask("/previews", { method: "POST", body: request });
    expect(plan.status).toBe(200);
    expect(plan.body).toMatchObject({ rejection: null, status: { before: "awaiting_payment", after: "canceled" } });
    expect(await bench.sql`select id from keiyaku.operations where id = 'cancel-1'`).toEqual([]);

    await ask("/operations", { method: "POST", body: { ...request, expectedPlan: plan.body.digest } });
    await bench.execute("cancel-1");
    expect((await ask("/operations/cancel-1")).body).toMatchObject({ state: "succeeded" });
  });

  it("tells in both languages why the request would be refused; so does the operation, with the new plan", async () => {
    const { ask, bench } = await setUp();
    const request = { id: "suspend-1", kind: "suspend", contractId: "c-1" };

    const plan = await ask("/previews", { method: "POST", body: request });
    expect(plan.body).toMatchObject({
      rejection: { code: "status_not_allowed", sentence: { ja: expect.any(String) } },
    });

    const stale = { ...request, id: "cancel-2", kind: "cancel", expectedPlan: "0".repeat(64) };
    await ask("/operations", { method: "POST", body: stale });
    await bench.execute("cancel-2");
    expect((await ask("/operations/cancel-2")).body).toMatchObject({
      rejectionCode: "plan_changed",
      rejectionDetail: { plan: { kind: "cancel" } },
      sentences: { ja: expect.any(String) },
    });
  });

  it.each([
    ["no id", { id: undefined }, "id"],
    ["an unknown kind", { kind: "explode" }, "kind"],
    ["a field too many", { priority: 1 }, "priority"],
    ["an actor with no id", { actor: { type: "operator" } }, "actor.id"],
  ])("refuses %s as a request's door does", async (_, fault, field) => {
    const { ask } = await setUp();
    const body = { id: "cancel-1", kind: "cancel", contractId: "c-1", ...fault };

    const reply = await ask("/previews", { method: "POST", body });

    expect([reply.status, reply.body.field]).toEqual([400, field]);
  });

  it("is 503 while Stripe does not answer", async () => {
    const { ask, bench } = await setUp();
    const { contractId } = await monthlyByCard(bench);
    await bench.stripe.stop();

    const body = { id: "reserve-1", kind: "reserve_termination", contractId };
    const reply = await ask("/previews", { method: "POST", body });

    expect([reply.status, reply.body.code]).toEqual([503, "unavailable"]);
  });
});

describe("buttons over HTTP", () => {
  it("are every kind that people may ask, offered to this actor or not, and why not", async () => {
    const { ask } = await setUp();
    const of = async (query: string) => {
      const { body } = await ask(`/contracts/c-1/buttons${query}`, { token: serviceToken });
      const buttons = body.buttons as readonly { kind: string; allowed: boolean; rejection?: { code: string } }[];
      return Object.fromEntries(buttons.map(({ kind, allowed, rejection }) => [kind, rejection?.code ?? allowed]));
    };

    expect(await of("")).toMatchObject({ cancel: true, confirm_payment: true, suspend: "status_not_allowed" });
    expect(await of("?customer=customer-1")).toMatchObject({ cancel: true, confirm_payment: "actor_not_allowed" });
    expect(await of("?customer=customer-2")).toMatchObject({ cancel: "actor_not_allowed" });
  });

  it("are none where there is no contract", async () => {
    const { ask } = await setUp();

    expect((await ask("/contracts/c-9/buttons")).status).toBe(404);
  });
});

describe("the catalog over HTTP", () => {
  const product = { kind: "monthly", access: "per_period", priceMinor: 980, automaticTerminationMonth: null };
  const customer = { email: "jiro@example.com", name: "佐藤 次郎", locale: "ja" };

  it.each([
    ["/products/weekly", product],
    ["/customers/customer-9", customer],
  ])("takes %s in versions, and ignores late ones", async (path, entry) => {
    const { ask } = await setUp();
    const replies = [];
    for (const version of [2, 3, 1]) replies.push(await ask(path, { method: "PUT", body: { ...entry, version } }));

    expect(replies.map(({ status, body }) => [status, body])).toEqual([
      [201, { answer: "created", version: 2 }],
      [200, { answer: "updated", version: 3 }],
      [200, { answer: "ignored", version: 3 }],
    ]);
  });

  it("sets, changes and clears the month in which a product's contracts end", async () => {
    const { ask, bench } = await setUp();
    const put = (version: number, automaticTerminationMonth: unknown) =>
      ask("/products/weekly", { method: "PUT", body: { ...product, automaticTerminationMonth, version } });
    const month = async () => {
      const rows =
        await bench.sql`select automatic_termination_month as month from keiyaku.products where id = 'weekly'`;
      return rows[0]?.month;
    };
    for (const [version, wanted] of [
      [1, "2026-12"],
      [2, "2027-03"],
      [3, null],
    ] as const) {
      expect((await put(version, wanted)).status).toBe(version === 1 ? 201 : 200);
      expect(await month()).toBe(wanted);
    }
    expect(await put(4, "2027-13")).toMatchObject({ status: 400 });
    expect(await put(2, "2027-03")).toMatchObject({ body: { answer: "ignored" } });
    expect(await month()).toBeNull();
  });

  it("keeps what was sent under the id of the path", async () => {
    const { ask, bench } = await setUp();

    await ask("/customers/customer-9", { method: "PUT", body: { id: "customer-9", ...customer, version: 1 } });

    expect(await bench.sql`select id, name, email from keiyaku.customers where id = 'customer-9'`).toEqual([
      { id: "customer-9", name: customer.name, email: customer.email },
    ]);
  });

  it.each([
    ["/products/weekly", { ...product, version: 1, id: "daily" }, "id"],
    ["/products/weekly", product, "version"],
    ["/products/weekly", { ...product, version: 1, colour: "red" }, "colour"],
    ["/products/magazine", { ...product, kind: "one_time", version: 9 }, "kind"],
    ["/customers/customer-9", { ...customer, email: "jiro", version: 1 }, "email"],
    ["/customers/customer-9", { ...customer, version: 1.5 }, "version"],
  ])("refuses for %s what is wrong, and names it without repeating it (%#)", async (path, body, field) => {
    const { ask } = await setUp();

    const reply = await ask(path, { method: "PUT", body });

    expect([reply.status, reply.body.field]).toEqual([400, field]);
    expect(JSON.stringify(reply.body)).not.toMatch(/佐藤|jiro/);
  });
});
