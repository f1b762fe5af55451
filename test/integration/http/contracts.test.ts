import { describe, expect, it } from "vitest";
import type { ApiParts } from "../../../src/http/api-parts.ts";
import { serviceToken, setUpApi } from "../../support/api.ts";
import { monthlyTerms } from "../../support/execution.ts";

describe("looking at a contract", () => {
  it("tells where it stands, its money and licenses, and what was done to it, without personal data", async () => {
    const { ask, bench } = await setUpApi();
    const params = monthlyTerms();
    await bench.perform({ id: "register-1", kind: "register", contractId: "c-1", params });
    await bench.perform({ id: "confirm-1", kind: "confirm_payment", contractId: "c-1", params: { paidPeriods: [0] } });
    await bench.perform({ id: "cancel-1", kind: "cancel", contractId: "c-1", params: {} });

    const { status, body } = await ask("/contracts/c-1");

    expect(status).toBe(200);
    expect(body).toMatchObject({
      contract: { id: "c-1", startOn: "2024-10-08", customerId: "customer-1" },
      product: { id: "magazine" },
      operations: [
        { id: "register-1", state: "succeeded", sentences: null },
        { id: "confirm-1", state: "succeeded" },
        { id: "cancel-1", state: "rejected", sentences: { ja: expect.any(String), en: expect.any(String) } },
      ],
      operationsTotal: 3,
    });
    expect(body.payments).not.toEqual([]);
    expect(body.licenses).not.toEqual([]);
    expect(body).not.toHaveProperty("customer");
    expect(JSON.stringify(body)).not.toMatch(/山田|hanako/);
  });

  it.each(["c-2", "a%20b", "%00"])("is 404 for %s, which no contract has", async (id) => {
    const { ask } = await setUpApi();

    for (const path of [`/contracts/${id}`, `/contracts/${id}/buttons`]) {
      if (path.includes("c-2/buttons")) continue;
      const reply = await ask(path);
      expect([reply.status, reply.body.code]).toEqual([404, "contract_not_found"]);
    }
  });

  it("is 410 for a deleted one, and names the operation that tells more", async () => {
    const { ask, bench } = await setUpApi();
    await bench.perform({ id: "register-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
    await bench.perform({ id: "delete-1", kind: "delete", contractId: "c-1", params: { confirm: "c-1" } });

    const reply = await ask("/contracts/c-1");

    expect([reply.status, reply.body.code, reply.body.operationId]).toEqual([410, "contract_deleted", "delete-1"]);
    expect((await ask("/operations/delete-1")).body).toMatchObject({ state: "succeeded" });
    expect((await ask("/operations/register-1")).status).toBe(404);
  });
});

describe("the buttons of a contract", () => {
  it("are asked for in the name of the token, or of the customer for whom a service asks", async () => {
    const { ask } = await setUpApi();

    expect((await ask("/contracts/c-1/buttons")).body).toMatchObject({
      contractId: "c-1",
      actor: { type: "operator", id: "alice" },
    });
    expect((await ask("/contracts/c-1/buttons?customer=customer-1", { token: serviceToken })).body.actor).toEqual({
      type: "customer",
      id: "customer-1",
    });
  });

  it("are not shown to an operator in a customer's name", async () => {
    const { ask } = await setUpApi();

    const reply = await ask("/contracts/c-1/buttons?customer=customer-1");

    expect([reply.status, reply.body.code]).toEqual([403, "actor_not_allowed"]);
  });

  it("are not shown for a customer whose id is none", async () => {
    const { ask } = await setUpApi();

    const reply = await ask("/contracts/c-1/buttons?customer=%00", { token: serviceToken });

    expect([reply.status, reply.body.field]).toEqual([400, "customer"]);
  });

  it("are none of a contract that is not there", async () => {
    const { ask } = await setUpApi({ parts: { buttons: async () => ({ answer: "contract_not_found" }) } });

    expect((await ask("/contracts/c-1/buttons")).status).toBe(404);
  });
});

describe("the catalog", () => {
  it.each([
    ["/products/magazine", "putProduct"],
    ["/customers/customer-1", "putCustomer"],
  ] as const)("takes %s with its body, and answers what became of it", async (path, part) => {
    const taken: unknown[] = [];
    const answers = ["created", "updated", "ignored"] as const;
    const put: ApiParts["putProduct"] = async (id, body) => {
      taken.push([id, body]);
      return { answer: answers[taken.length - 1] ?? "ignored", version: taken.length };
    };
    const { ask } = await setUpApi({ parts: { [part]: put } });

    const replies = [];
    for (const version of [1, 2, 2]) replies.push(await ask(path, { method: "PUT", body: { version } }));

    expect(replies.map(({ status, body }) => [status, body])).toEqual([
      [201, { answer: "created", version: 1 }],
      [200, { answer: "updated", version: 2 }],
      [200, { answer: "ignored", version: 3 }],
    ]);
    expect(taken[0]).toEqual([path.split("/")[2], { version: 1 }]);
  });

  it("refuses a field in the store's words", async () => {
    const parts = {
      putProduct: async () => ({ answer: "invalid_request", field: "priceMinor", problem: "is missing" }) as const,
    };
    const { ask } = await setUpApi({ parts });

    const reply = await ask("/products/magazine", { method: "PUT", body: {} });

    expect(reply.body).toMatchObject({ status: 400, field: "priceMinor", detail: "priceMinor is missing." });
  });

  it.each([
    ["/products/a%20b", {}, "id"],
    ["/customers/%00", {}, "id"],
    ["/customers/customer-1", { name: "a\0" }, "name"],
    ["/customers/customer-1", [], "request"],
  ])("refuses %s with %j before anybody is asked", async (path, body, field) => {
    const { ask } = await setUpApi();

    const reply = await ask(path, { method: "PUT", body });

    expect([reply.status, reply.body.field]).toEqual([400, field]);
  });
});
