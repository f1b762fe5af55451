import { describe, expect, test } from "vitest";
import { type Contract, contractStatuses, runningStatuses } from "../../../src/contract/contract.ts";
import { viewablePayments } from "../../../src/contract/viewing.ts";
import { makePayment, makePeriods, makeProduct, makeWorld, openFor, revokedFor } from "../../support/facts.ts";

const periods = makePeriods([0, 1, 2, 3]);
const ids = periods.map(({ id }) => id);
const [first, second, third, fourth] = periods as [
  (typeof periods)[0],
  (typeof periods)[0],
  (typeof periods)[0],
  (typeof periods)[0],
];

function worldOf(access: "per_period" | "while_running", contract: Partial<Contract> = {}) {
  return makeWorld({
    contract,
    product: makeProduct({ access }),
    payments: periods,
    licenses: openFor(periods),
  });
}

describe("what was paid for stays viewable", () => {
  test.each(contractStatuses)("as long as its license stands, also when the contract is %s", (status) => {
    expect(viewablePayments(worldOf("per_period", { status }))).toEqual(ids);
  });

  test("a period whose license was revoked is not, the others are", () => {
    const world = {
      ...worldOf("per_period"),
      licenses: [...openFor([first, second, third]), revokedFor(fourth, "suspended")],
    };
    expect(viewablePayments(world)).toEqual([first.id, second.id, third.id]);
  });

  test("a product that is bought once is open for good, whatever its access says", () => {
    const price = makePayment({ subject: "one_time_price" });
    const contract = { kind: "one_time", status: "established" } as const;
    const product = makeProduct({ kind: "one_time", access: "while_running" });
    expect(viewablePayments(makeWorld({ contract, product, payments: [price], licenses: openFor([price]) }))).toEqual([
      price.id,
    ]);
  });
});

describe("what opens only while the contract runs", () => {
  test("is everything that was paid for, while it runs, and nothing otherwise", () => {
    const viewable = contractStatuses.filter(
      (status) => viewablePayments(worldOf("while_running", { status })).length > 0,
    );
    expect(viewable.toSorted()).toEqual([...runningStatuses].toSorted());
    expect(viewablePayments(worldOf("while_running"))).toEqual(ids);
  });

  test.each(["refunded", "suspended"] as const)("is nothing once the current license was revoked: %s", (because) => {
    const world = worldOf("while_running");
    const licenses = [...openFor([first, second, third]), revokedFor(fourth, because)];
    expect(viewablePayments({ ...world, licenses })).toEqual([]);
  });

  test("is open although an earlier license was revoked", () => {
    const licenses = [...openFor([second, third, fourth]), revokedFor(first, "refunded")];
    expect(viewablePayments({ ...worldOf("while_running"), licenses })).toEqual([second.id, third.id, fourth.id]);
  });

  test("stays open until something is recorded of the new period, and then goes by that", () => {
    const before = {
      ...worldOf("while_running"),
      payments: [first, second, third],
      licenses: openFor([first, second, third]),
    };
    expect(viewablePayments(before)).toEqual([first.id, second.id, third.id]);
    const unpaid = makePayment({ period: 3, state: "unpaid" });
    expect(viewablePayments({ ...before, payments: [...before.payments, unpaid] })).toEqual([]);
  });

  test("is open by either of two payments for the current period", () => {
    const twice = makePayment({ id: "in_9:il_9", period: 3 });
    const licenses = [...openFor([first, second, third]), revokedFor(fourth, "refunded"), ...openFor([twice])];
    const world = { ...worldOf("while_running"), payments: [...periods, twice], licenses };
    expect(viewablePayments(world)).toContain(twice.id);
  });

  test("is nothing before anything was paid", () => {
    expect(viewablePayments({ ...worldOf("while_running"), payments: [], licenses: [] })).toEqual([]);
  });
});
