import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { OperationKind } from "../../../src/contract/operation.ts";
import { acceptRequest } from "../../../src/store/accept-request.ts";
import { auditOf } from "../../support/audit.ts";
import { carryOut, driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { addContract } from "../../support/store-rows.ts";
import { emptyTables } from "../../support/test-database.ts";
import { addPaid, standings } from "./set-up-runs.ts";

/*
 * Nobody made a run over two renewals, of 8 February and 8 March 2025. What a clerk asks for on 20 March, before the run has
 * caught up, must lead to the same as after it: no period may be neither paid nor unpaid.
 */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());

const forget = () => emptyTables(bench.sql);

beforeEach(forget);

/** The runs that are owed by the clerk's day, and those of that day alone, which is all that an empty table of runs owes. */
const [firstOwed, theDay] = ["2025-02-07", "2025-03-20"];
const catchUp = (first = firstOwed) => driveOn(bench, theDay, { first });

type Asked = readonly [kind: OperationKind, params?: Readonly<Record<string, unknown>>];

let asked = 0;

/** Carries out what the clerk asks for on the day, and gives how each ended. */
async function askAll(requests: readonly Asked[], contractId = "c-1"): Promise<readonly string[]> {
  const ends: string[] = [];
  for (const [kind, params = {}] of requests) {
    asked += 1;
    const id = `asked-${asked}`;
    await acceptRequest(
      bench.db,
      { id, kind, contractId, actor: { type: "operator", id: "alice" }, params: { ...params } },
      Date.now(),
    );
    await bench.sql`update keiyaku.operations set taken_at = ${`${theDay}T03:00:00Z`} where id = ${id}`;
    await carryOut(bench, [id]);
    const { state, rejection_code: code } = await bench.operation(id);
    ends.push([state, code].flatMap((word) => (typeof word === "string" ? [word] : [])).join(" "));
  }
  return ends;
}

/** One that was never granted and one that suspension took open as little. */
const openLicenses = (contractId: string) =>
  bench.sql`select payment_id from keiyaku.licenses where revoked_at is null and contract_id = ${contractId}
    order by payment_id`;

/** What is owed to its customer, by what was paid; of a deleted contract too. */
async function owed(contractId: string): Promise<readonly string[]> {
  const rows = await bench.sql<{ owed: string }[]>`select payment_id || ' ' || amount_minor as owed from keiyaku.refunds
    where state = 'manual_due' and contract_id = ${contractId} order by payment_id`;
  return rows.map((row) => row.owed.replace(`${contractId}:`, ""));
}

interface Scene {
  readonly add: (id: string) => Promise<void>;
  readonly requests: readonly Asked[];
  /** The periods of the history in the end; none of a contract that is gone. */
  readonly payments?: readonly string[];
  /** What is owed in the end; nothing unless said. */
  readonly owed?: readonly string[];
}

const running = (id: string, overrides: Record<string, unknown> = {}) => addPaid(bench, id, 3, overrides);
const unpaid = (id: string) => addContract(bench.sql, { id, status: "awaiting_payment" });
const [paidBefore, both] = [
  ["0 paid", "1 paid", "2 paid", "3 paid"],
  ["4 paid", "5 paid"],
];
const reserved = { status: "termination_reserved", termination_source: "person" };

const scenes: Readonly<Record<string, Scene>> = {
  "a suspension": { add: running, requests: [["suspend"]], payments: [...paidBefore, "4 paid", "5 unpaid"] },
  "a suspension because of the period before": {
    add: running,
    requests: [["suspend", { period: 4 }]],
    payments: [...paidBefore, "4 unpaid", "5 paid"],
  },
  "a suspension because of one that was paid in time": {
    add: running,
    requests: [["suspend", { period: 3 }]],
    payments: ["0 paid", "1 paid", "2 paid", "3 unpaid", ...both],
  },
  "a suspension that is over again": {
    add: running,
    requests: [["suspend"], ["resume"]],
    payments: [...paidBefore, ...both],
  },
  "a suspension that ends the contract": {
    add: running,
    requests: [["suspend"], ["terminate"]],
    payments: [...paidBefore, "4 paid", "5 never_charged"],
  },
  "a reservation": { add: running, requests: [["reserve_termination"]], payments: [...paidBefore, ...both] },
  "a reservation that is withdrawn": {
    add: running,
    requests: [["reserve_termination"], ["withdraw_reservation"]],
    payments: [...paidBefore, ...both],
  },
  "the withdrawal of a reservation that stands for April": {
    add: (id) => running(id, { ...reserved, termination_on: "2025-04-08" }),
    requests: [["withdraw_reservation"]],
    payments: [...paidBefore, ...both],
  },
  "the suspension of one that is reserved for April": {
    add: (id) => running(id, { ...reserved, termination_on: "2025-04-08" }),
    requests: [["suspend"]],
    payments: [...paidBefore, "4 paid", "5 unpaid"],
  },
  "the confirmation of its first payment": {
    add: unpaid,
    requests: [["confirm_payment"]],
    payments: [...paidBefore, ...both],
  },
  "the confirmation of some of it": {
    add: unpaid,
    requests: [["confirm_payment", { paidPeriods: [3, 5] }]],
    payments: ["0 unpaid", "1 unpaid", "2 unpaid", "3 paid", "4 unpaid", "5 paid"],
  },
  "the cancel of one whose payment never came": {
    add: unpaid,
    requests: [["cancel"]],
    payments: [],
  },
  "a refund, owed by hand, of a payment that was made in time": {
    add: running,
    requests: [["refund_payment", { paymentId: "CONTRACT:period:3" }]],
    payments: [...paidBefore, ...both],
    owed: ["period:3 1980"],
  },
  "its deletion": {
    add: running,
    requests: [["delete", { confirm: "CONTRACT" }]],
    owed: [0, 1, 2, 3, 4, 5].map((period) => `period:${period} 1980`),
  },
  "the deletion of one that was to start": {
    add: (id) => addContract(bench.sql, { id, status: "not_started", start_on: "2025-02-08" }),
    requests: [["delete", { confirm: "CONTRACT" }]],
    owed: ["period:0 1980", "period:1 1980"],
  },
  "the deletion of one that was to end meanwhile": {
    add: (id) => running(id, { ...reserved, termination_on: "2025-03-08" }),
    requests: [["delete", { confirm: "CONTRACT" }]],
    owed: [0, 1, 2, 3, 4].map((period) => `period:${period} 1980`),
  },
  "the deletion of one that is suspended": {
    add: (id) => running(id, { status: "payment_unconfirmed" }),
    requests: [["delete", { confirm: "CONTRACT" }]],
    owed: [0, 1, 2, 3].map((period) => `period:${period} 1980`),
  },
};

/** How a scene's requests ended, and how its contract stands in the end. */
interface Played {
  readonly done: readonly string[];
  readonly standing: unknown;
  readonly licenses: unknown;
  readonly owed: unknown;
}

/** Plays all scenes at once, each with a contract of its own: the clerk's requests before the runs that are owed, or after them. */
async function playAll(isBefore: boolean): Promise<ReadonlyMap<string, Played>> {
  await forget();
  const named = Object.entries(scenes).map(([name, scene], index) => ({ name, ...scene, id: `c-${index + 1}` }));
  for (const { add, id } of named) await add(id);
  if (!isBefore) await catchUp();
  const done = new Map<string, readonly string[]>();
  for (const { name, requests, id } of named) {
    const own = JSON.parse(JSON.stringify(requests).replaceAll("CONTRACT", id)) as readonly Asked[];
    done.set(name, await askAll(own, id));
  }
  if (isBefore) await catchUp();
  const all = (await standings(bench)) as readonly { readonly id: string }[];
  return new Map(
    await Promise.all(
      named.map(async ({ name, id }): Promise<[string, Played]> => {
        const standing = all.find((each) => each.id === id);
        const [licenses, owes] = [await openLicenses(id), await owed(id)];
        return [name, { done: done.get(name) ?? [], standing, licenses, owed: owes }];
      }),
    ),
  );
}

describe("before the run has caught up leads to the same as after it", () => {
  let before: ReadonlyMap<string, Played>;
  let after: ReadonlyMap<string, Played>;
  beforeAll(async () => {
    before = await playAll(true);
    after = await playAll(false);
  });

  it.each(Object.entries(scenes))("%s", (name, { requests, payments, owed: owes = [] }) => {
    expect(before.get(name)).toEqual(after.get(name));
    expect(before.get(name)?.done).toEqual(requests.map(() => "succeeded"));
    expect(before.get(name)?.owed).toEqual(owes);
    if (payments === undefined) expect(before.get(name)?.standing).toBeUndefined();
    else expect(before.get(name)?.standing).toMatchObject({ payments: payments.length === 0 ? null : payments });
  });
});

describe("an installation whose first run is late", () => {
  it("records what began since the contract was registered", async () => {
    await running("c-1");
    await catchUp(theDay);
    expect(await standings(bench)).toMatchObject([{ payments: [...paidBefore, ...both] }]);
  });

  it("records it of a contract that ends with that run, too, and nothing from its last date on", async () => {
    await running("c-1", { ...reserved, termination_on: "2025-03-08" });
    await catchUp(theDay);
    expect(await standings(bench)).toMatchObject([{ status: "terminated", payments: [...paidBefore, "4 paid"] }]);
  });

  it("leaves one that ends suspended with what is unpaid of it", async () => {
    await running("c-1", { ...reserved, status: "payment_unconfirmed", termination_on: "2025-03-08" });
    await bench.sql`update keiyaku.payments set state = 'unpaid', paid_at = null where period = 3`;
    await catchUp(theDay);
    const payments = ["0 paid", "1 paid", "2 paid", "3 never_charged"];
    expect(await standings(bench)).toMatchObject([{ status: "terminated", payments }]);
  });

  it("records what began since its registration was taken, however late that was carried out", async () => {
    const params = monthlyTerms({
      startOn: "2025-01-10",
      initialFeeMinor: 0,
      payments: [{ subject: "period", period: 0, paidAt: "2025-01-10T03:00:00Z" }],
      state: { status: "active" },
    });
    const shop = { type: "service", id: "shop" } as const;
    await acceptRequest(bench.db, { id: "late", kind: "register", contractId: "c-1", actor: shop, params }, Date.now());
    await bench.sql`update keiyaku.operations set taken_at = '2025-02-05T03:00:00Z' where id = 'late'`;
    await carryOut(bench, ["late"]);
    await catchUp();
    expect(await standings(bench)).toMatchObject([{ payments: ["0 paid", "1 paid", "2 paid"] }]);
  });

  it("leaves a deletion nothing to owe of what nobody was charged: what began before the registration, or today", async () => {
    await running("c-1", { created_at: "2025-03-20T01:00:00Z" });
    await addContract(bench.sql, { id: "c-2", status: "not_started", start_on: theDay });
    for (const id of ["c-1", "c-2"]) expect(await askAll([["delete", { confirm: id }]], id)).toEqual(["succeeded"]);
    expect(await owed("c-1")).toEqual([0, 1, 2, 3].map((period) => `period:${period} 1980`));
    expect(await owed("c-2")).toEqual([]);
  });

  it.each([firstOwed, theDay])("makes up nothing of what an import has left out, by runs from %s on", async (first) => {
    await running("c-1", { created_at: "2025-03-10T03:00:00Z" });
    await catchUp(first);
    expect(await standings(bench)).toMatchObject([{ payments: [...paidBefore, "5 paid"] }]);
    expect(await bench.sql`select id from keiyaku.operations where state = 'rejected'`).toEqual([]);
    await forget();
    await running("c-1", { created_at: "2025-03-10T03:00:00Z", updated_at: "2025-03-10T03:00:00Z" });
    await driveOn(bench, "2025-02-20", { first: firstOwed });
    expect((await auditOf(bench)).violations.filter((each) => each.startsWith("I13"))).toEqual([]);
    await forget();
    await running("c-1", { created_at: "2025-03-10T03:00:00Z" });
    expect(await askAll([["suspend"]])).toEqual(["succeeded"]);
    expect(await standings(bench)).toMatchObject([{ payments: [...paidBefore, "5 unpaid"] }]);
  });
});
