import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { beginReconcile, findUnfinishedReconcile, reconcile, reconcileOne } from "../../../src/reconcile/reconcile.ts";
import { Secret } from "../../../src/secret.ts";
import { readBooks } from "../../../src/store/read-books.ts";
import { Pace } from "../../../src/stripe/pace.ts";
import { createStripeGateway } from "../../../src/stripe/stripe-gateway.ts";
import { canceledWithoutItsPayment, oneTimeByCard, startingByCard } from "../../support/card-contracts.ts";
import { addContract, addOperations } from "../../support/store-rows.ts";
import { addMonthly, type BooksBench, repairingOf, setUpBooks } from "./set-up-books.ts";

/** What a look needs that hears nothing, waits for nothing, and repairs nothing. */
function lookDeps(bench: BooksBench) {
  return {
    db: bench.db,
    connection: bench.gateway,
    clock: { sleep: async () => undefined },
    zone: "Asia/Tokyo",
    repair: null,
    onFound: () => undefined,
    stopping: new AbortController().signal,
  };
}

type Monthly = Awaited<ReturnType<typeof addMonthly>>;

describe("contracts of which Stripe says the same", () => {
  it("are equal, whatever they are", async () => {
    const bench = await setUpBooks();
    await addMonthly(bench);
    await addMonthly(bench, { suspended: true });
    await oneTimeByCard(bench);

    const { report, found } = await bench.lookThrough();

    expect(found).toEqual([]);
    expect(report).toMatchObject({ type: "finished", looked: 3, total: 3 });
  });

  it("cost three requests a monthly contract, however old", async () => {
    const bench = await setUpBooks();
    await addMonthly(bench);
    const before = (await bench.stripe.control.requests()).length;

    await bench.lookThrough();

    const asked = (await bench.stripe.control.requests()).slice(before).map(({ path }) => `${path.split("?")[0]}`);
    expect(asked.toSorted()).toEqual(["/v1/charges", "/v1/invoices", "/v1/subscriptions"]);
  });
});

/** What is done at Stripe, and what that makes of the books: before, and after what could be put right was. */
interface Story {
  readonly name: string;
  readonly suspended?: boolean;
  readonly happens: (bench: BooksBench, monthly: Monthly) => Promise<unknown>;
  readonly found: readonly string[];
  readonly left: readonly string[];
  readonly contract?: Record<string, unknown>;
}

const stories: readonly Story[] = [
  {
    name: "a subscription that was ended on the dashboard",
    happens: ({ sdk, onDashboard }, { subscriptionId }) => sdk.subscriptions.cancel(subscriptionId, {}, onDashboard),
    found: ["subscription_ended"],
    left: [],
    contract: { status: "terminated" },
  },
  {
    name: "an end that was set on the dashboard",
    happens: ({ sdk, onDashboard }, { subscriptionId }) =>
      sdk.subscriptions.update(subscriptionId, { cancel_at_period_end: true }, onDashboard),
    found: ["reservation_missing"],
    left: [],
    contract: { status: "termination_reserved", termination_source: "stripe" },
  },
  {
    name: "a reservation that was lifted on the dashboard",
    async happens(bench, { contractId, subscriptionId }) {
      await bench.perform({ id: `reserve-${contractId}`, kind: "reserve_termination", contractId });
      await bench.sdk.subscriptions.update(subscriptionId, { cancel_at_period_end: false }, bench.onDashboard);
    },
    found: ["reservation_lifted"],
    left: [],
    contract: { status: "active", termination_on: null },
  },
  {
    name: "a refund that was made on the dashboard",
    happens: ({ sdk, onDashboard }, { tail }) =>
      sdk.refunds.create({ payment_intent: `pi_${tail}_1`, amount: 500 }, onDashboard),
    found: ["refund_missing"],
    left: [],
  },
  {
    name: "a refund of ours that failed at the bank",
    async happens(bench, { contractId, invoiceId }) {
      const [row] = await bench.sql`select id from keiyaku.payments where stripe_invoice_id = ${invoiceId}`;
      const refund = {
        id: `refund-${contractId}`,
        kind: "refund_payment",
        contractId,
        params: { paymentId: row?.id },
      } as const;
      expect(await bench.perform(refund)).toMatchObject({ state: "succeeded" });
      const [made] = await bench.sql`select stripe_refund_id from keiyaku.refunds`;
      await bench.stripe.control.failRefund(made?.stripe_refund_id);
    },
    found: ["refund_state_differs"],
    left: [],
  },
  {
    name: "a payment whose report never came",
    suspended: true,
    happens: ({ stripe }, { invoiceId }) => stripe.control.payInvoice(invoiceId),
    found: ["payment_missing"],
    left: [],
    contract: { status: "active" },
  },
  {
    name: "a former subscription, and one of the customer that nobody knows",
    async happens(bench, { contractId, customerId, priceId, tail }) {
      const anchorAt = new Date(Date.now() - 86_400_000).toISOString();
      const sub = (id: string, metadata?: Record<string, string>) => ({
        id,
        customer: customerId,
        price: priceId,
        anchorAt,
        ...(metadata === undefined ? {} : { metadata }),
      });
      await bench.stripe.control.seed({
        subscriptions: [
          sub(`sub_new_${tail}`),
          sub(`sub_stray_${tail}`),
          sub(`sub_claims_${tail}`, { keiyaku_contract: contractId }),
        ],
      });
      const params = { subscriptionId: `sub_new_${tail}` };
      await bench.perform({ id: `replace-${contractId}`, kind: "replace_subscription", contractId, params });
    },
    found: ["former_subscription_runs", "subscription_claims_contract", "subscription_of_nobody"],
    left: ["former_subscription_runs", "subscription_claims_contract", "subscription_of_nobody"],
  },
  {
    name: "a contract that ended here, whose subscription was brought along to another key",
    async happens({ sql }, { contractId }) {
      await sql`update keiyaku.contracts set status = 'terminated', ended_at = now() where id = ${contractId}`;
    },
    found: ["subscription_outlives_contract"],
    left: ["subscription_outlives_contract"],
  },
  {
    name: "a subscription that Stripe does not know",
    async happens({ sql }, { contractId }) {
      await sql`update keiyaku.contracts set stripe_subscription_id = 'sub_gone' where id = ${contractId}`;
    },
    found: ["subscription_missing"],
    left: ["subscription_missing"],
  },
];

describe("a difference", () => {
  it.each(stories)(
    "$name is found, and put right or left to a person",
    async ({ suspended, happens, found, left, contract }) => {
      const bench = await setUpBooks();
      const monthly = await addMonthly(bench, suspended === undefined ? {} : { suspended });
      await happens(bench, monthly);

      expect((await bench.lookThrough()).types).toEqual(found);
      expect((await bench.sql`select from keiyaku.operations where actor_id = 'reconcile'`).length).toBe(0);

      const { found: asked } = await bench.lookThrough({ repair: true });
      const ids = asked.flatMap((each) =>
        each.type === "difference" && each.asked !== null ? [each.asked.operationId] : [],
      );
      expect(await bench.sql`select from keiyaku.operations where actor_id = 'reconcile'`).toHaveLength(
        new Set(ids).size,
      );
      await bench.drain();

      const after = await bench.lookThrough();
      expect(after.types).toEqual(left);
      if (contract !== undefined) expect(await bench.contract(monthly.contractId)).toMatchObject(contract);
      for (const id of ids)
        expect(await bench.operation(id)).toMatchObject({ state: "succeeded", actor_type: "stripe" });
    },
  );
});

describe("what is under way", () => {
  it.each([
    ["an operation that is open", (id: string) => ({ kind: "suspend", contract_id: id, state: "requested" })],
    ["an operation that is held", (id: string) => ({ kind: "suspend", contract_id: id, state: "held" })],
  ])("is no difference: a contract with %s is busy, and Stripe is not asked", async (_, operation) => {
    const bench = await setUpBooks();
    const { contractId, subscriptionId } = await addMonthly(bench);
    await bench.sdk.subscriptions.cancel(subscriptionId, {}, bench.onDashboard);
    await addOperations(bench.sql, { id: "under-way", ...operation(contractId) });

    const { report, found } = await bench.lookThrough();

    expect(found).toEqual([{ type: "busy", contractId }]);
    expect(report.counts).toMatchObject({ busy: 1, differences: {} });
  });

  it("is waited for: a report that arrives between two looks is no difference", async () => {
    const bench = await setUpBooks();
    const { contractId, subscriptionId } = await addMonthly(bench);
    await bench.sdk.subscriptions.update(subscriptionId, { cancel_at_period_end: true }, bench.onDashboard);
    const clock = {
      async sleep() {
        const params = { subscriptionId };
        await addOperations(bench.sql, {
          kind: "record_subscription_change",
          actor_type: "stripe",
          contract_id: contractId,
          params,
        });
        await bench.drain();
      },
    };

    expect((await bench.lookThrough({ clock })).types).toEqual([]);
    expect(await bench.contract(contractId)).toMatchObject({ status: "termination_reserved" });
  });

  it.each([
    ["repaired", true],
    ["told", false],
  ])(
    "is left alone: what changes after it was read and before it is %s is looked at another time",
    async (_, repair) => {
      const bench = await setUpBooks();
      const { contractId, subscriptionId } = await addMonthly(bench);
      await bench.sdk.subscriptions.cancel(subscriptionId, {}, bench.onDashboard);
      let looks = 0;
      const connection = {
        ...bench.gateway,
        async listCharges(customerId: string) {
          looks += 1;
          // Changed by somebody else after our rows were read for the second look.
          if (looks === 2) await bench.sql`update keiyaku.contracts set version = version + 1 where id = ${contractId}`;
          return bench.gateway.listCharges(customerId);
        },
      };

      expect((await bench.lookThrough({ connection, repair })).found).toEqual([{ type: "busy", contractId }]);
      expect(await bench.sql`select from keiyaku.operations where actor_id = 'reconcile'`).toHaveLength(0);
    },
  );
});

describe("asking for a repair", () => {
  it("twice is one effect, by two at once too, and is asked anew when the same happens again", async () => {
    const bench = await setUpBooks();
    const { contractId, subscriptionId } = await addMonthly(bench);
    const asked = () =>
      bench.sql`select id, state from keiyaku.operations where actor_id = 'reconcile' order by sequence`;
    const reserve = (isReserved: boolean) =>
      bench.sdk.subscriptions.update(subscriptionId, { cancel_at_period_end: isReserved }, bench.onDashboard);
    const repairAtOnce = async () => {
      const books = await readBooks(bench.db, contractId);
      if (books === undefined) throw new Error("the contract is there");
      const deps = { ...lookDeps(bench), repair: repairingOf(bench, true) };
      return Promise.all([reconcileOne(deps, books), reconcileOne(deps, books)]);
    };

    await reserve(true);
    await repairAtOnce();
    expect(await asked()).toHaveLength(1);
    await bench.drain();
    await reserve(false);
    await repairAtOnce();
    await bench.drain();
    await reserve(true);
    await repairAtOnce();
    await bench.drain();

    expect(await asked()).toMatchObject([{ state: "succeeded" }, { state: "succeeded" }, { state: "succeeded" }]);
    expect(await bench.contract(contractId)).toMatchObject({ status: "termination_reserved" });
  });

  it("that a rule has refused leaves the difference to a person", async () => {
    const bench = await setUpBooks();
    const { subscriptionId } = await addMonthly(bench);
    await bench.sdk.subscriptions.cancel(subscriptionId, {}, bench.onDashboard);
    await bench.lookThrough({ repair: true });
    await bench.sql`update keiyaku.operations set state = 'rejected', rejection_code = 'operation_held', ring_at = null,
      concluded_at = now() where actor_id = 'reconcile'`;

    const { report, found } = await bench.lookThrough({ repair: true });

    expect(found).toMatchObject([{ type: "difference", asked: { state: "rejected" } }]);
    expect(report.counts).toMatchObject({ differences: { subscription_ended: 1 }, asked: 0 });
  });
});

describe("a repair that would give money back", () => {
  /** A canceled one-time contract whose payment an import has left out. */
  async function setup() {
    const bench = await setUpBooks();
    const { contractId, paymentIntentId } = await canceledWithoutItsPayment(bench);
    const refunds = async () => (await bench.sdk.refunds.list({ payment_intent: paymentIntentId })).data.length;
    const asked = () => bench.sql`select actor_id, state from keiyaku.operations where actor_type = 'stripe'`;
    return { bench, contractId, refunds, asked };
  }

  it("is told, and not asked for", async () => {
    const { bench, refunds, asked } = await setup();
    const { report, found } = await bench.lookThrough({ repair: true });
    expect(found).toMatchObject([
      { type: "difference", difference: { type: "payment_missing" }, asked: null, givesBack: true },
    ]);
    expect(report.counts).toMatchObject({ differences: { payment_missing: 1 }, asked: 0 });
    expect(await asked()).toEqual([]);
    expect(await refunds()).toBe(0);
  });

  it("is asked for by whoever says that money may go back, also after it was told", async () => {
    const { bench, refunds, asked } = await setup();
    await bench.lookThrough({ repair: true });
    const { found } = await bench.lookThrough({ repair: "with_refunds" });
    expect(found).toMatchObject([{ type: "difference", asked: { state: "requested" } }]);
    await bench.drain();
    expect(await asked()).toEqual([{ actor_id: "reconcile_with_refunds", state: "succeeded" }]);
    // The initial fee and the price.
    expect(await refunds()).toBe(2);
    expect((await bench.lookThrough()).types).toEqual([]);
  });

  it("is no part of it where a subscription ended before it began: what was paid for it stays until somebody asks", async () => {
    const bench = await setUpBooks();
    const { contractId } = await startingByCard(bench);
    const { stripe_subscription_id: subscriptionId } = await bench.contract(contractId);
    await bench.sdk.subscriptions.cancel(String(subscriptionId), {}, bench.onDashboard);

    const { found } = await bench.lookThrough({ repair: true });
    await bench.drain();
    const givesBack = found.flatMap((each) =>
      each.type === "difference" && each.givesBack ? each.difference.type : [],
    );
    expect(givesBack).toEqual(["subscription_ended"]);
    expect(await bench.contract(contractId)).toMatchObject({ status: "not_started" });
    expect((await bench.sdk.refunds.list()).data).toEqual([]);
  });

  it("is not asked for where Stripe does not say what it would do", async () => {
    const { bench, asked } = await setup();
    const repair = repairingOf(bench, true);
    if (repair === null) throw new Error("it repairs");
    const books = await beginReconcile(bench.db, "command");
    const look = (foresee: typeof repair.foresee) =>
      reconcile({ ...lookDeps(bench), repair: { ...repair, foresee } }, books);
    expect(await look(async () => ({ type: "not_now", reason: "rate_limited" }))).toMatchObject({
      type: "failed",
      fault: { reason: "rate_limited" },
    });
    const unexplained = await look(async () => ({ type: "unexplained", code: "odd" }));
    expect(unexplained.counts).toMatchObject({ differences: { payment_missing: 1 }, asked: 0 });
    expect(await asked()).toEqual([]);
  });
});

describe("the limits of Stripe", () => {
  it("are kept by a look, whatever it asks at once: no second holds more requests of an endpoint than it may", async () => {
    const bench = await setUpBooks();
    for (let made = 0; made < 6; made += 1) await addMonthly(bench);
    const perEndpoint = 4;
    const gateway = createStripeGateway({
      secretKey: new Secret(bench.stripe.secretKey),
      apiBase: bench.stripe.url,
      pace: new Pace({ perSecond: 100, perEndpoint }, systemClock),
    });
    onTestFinished(() => gateway.close());
    const before = (await bench.stripe.control.requests()).length;

    expect((await bench.lookThrough({ connection: gateway })).report).toMatchObject({ type: "finished", looked: 6 });

    const asked = (await bench.stripe.control.requests()).slice(before);
    expect(asked).toHaveLength(18);
    for (const endpoint of ["/v1/subscriptions", "/v1/invoices", "/v1/charges"]) {
      const at = asked.filter(({ path }) => path.split("?")[0] === endpoint).map((each) => each.at);
      expect(at).toHaveLength(6);
      // One more than may leave, since one may be longer on its way than the next.
      const inSecond = at.map((from) => at.filter((each) => each >= from && each < from + 1_000).length);
      expect(Math.max(...inSecond)).toBeLessThanOrEqual(perEndpoint + 1);
    }
  });
});

describe("a look through the books", () => {
  it("looks at each contract once, page by page", async () => {
    const bench = await setUpBooks();
    for (let made = 0; made < 3; made += 1) await addMonthly(bench);
    const pages: number[] = [];
    const { report } = await bench.lookThrough({ pageSize: 2, onPage: ({ looked }) => void pages.push(looked) });
    expect(pages).toEqual([2, 3]);
    expect(report).toMatchObject({ type: "finished", looked: 3, total: 3 });
  });

  it("goes on where it was interrupted, and counts what it found before", async () => {
    const bench = await setUpBooks();
    const first = await addMonthly(bench);
    const second = await addMonthly(bench);
    for (const { subscriptionId } of [first, second])
      await bench.sdk.subscriptions.cancel(subscriptionId, {}, bench.onDashboard);
    const stopping = new AbortController();

    const { report } = await bench.lookThrough({
      pageSize: 1,
      stopping: stopping.signal,
      onPage: () => stopping.abort(),
    });

    expect(report).toMatchObject({
      type: "interrupted",
      looked: 1,
      total: 2,
      counts: { differences: { subscription_ended: 1 } },
    });
    const unfinished = await findUnfinishedReconcile(bench.db, "command");
    const resumed = await bench.lookThrough({ pageSize: 1 }, unfinished);
    expect(resumed.found).toHaveLength(1);
    expect(resumed.report).toMatchObject({
      type: "finished",
      looked: 2,
      counts: { differences: { subscription_ended: 2 } },
    });
    expect(await findUnfinishedReconcile(bench.db, "command")).toBeUndefined();
    const [row] =
      await bench.sql`select state, looked, jsonb_array_length(findings) as findings from keiyaku.book_checks`;
    expect(row).toEqual({ state: "done", looked: 2, findings: 2 });
  });

  it("looks at a page again that was not noted, as after a crash", async () => {
    const bench = await setUpBooks();
    const { subscriptionId } = await addMonthly(bench);
    await bench.sdk.subscriptions.cancel(subscriptionId, {}, bench.onDashboard);
    const dying = bench.lookThrough({
      repair: true,
      onFound: () => {
        throw new Error("killed");
      },
    });
    await expect(dying).rejects.toThrow("killed");

    const resumed = await bench.lookThrough({ repair: true }, await findUnfinishedReconcile(bench.db, "command"));

    expect(resumed.report).toMatchObject({ type: "finished", looked: 1 });
    // The operation that was asked for is open: that it was asked for twice would be two of them.
    expect(resumed.types).toEqual(["busy"]);
    expect(await bench.sql`select from keiyaku.operations where actor_id = 'reconcile'`).toHaveLength(1);
  });

  it("ends when somebody else has gone on with it, or begun a new one", async () => {
    const bench = await setUpBooks();
    await addMonthly(bench);
    const check = await beginReconcile(bench.db, "command");
    await bench.lookThrough({}, check);

    expect((await bench.lookThrough({}, check)).report.type).toBe("overtaken");
    await addMonthly(bench);
    const shared = await beginReconcile(bench.db, "command");
    const stopping = new AbortController();
    await bench.lookThrough({ pageSize: 1, stopping: stopping.signal, onPage: () => stopping.abort() }, shared);
    expect((await bench.lookThrough({ pageSize: 1 }, shared)).report).toMatchObject({ type: "overtaken", looked: 0 });
    const older = await beginReconcile(bench.db, "command");
    await beginReconcile(bench.db, "command");
    expect((await bench.lookThrough({}, older)).report.type).toBe("overtaken");
  });

  it.each([
    ["status_401", "unauthorized", 1],
    ["rate_limit_429", "rate_limited", 4],
  ] as const)("stops when Stripe answers nobody (%s), and says why", async (mode, reason, asked) => {
    const bench = await setUpBooks();
    await addMonthly(bench);
    const before = (await bench.stripe.control.requests()).length;
    await bench.stripe.control.fault({ mode, path: "/v1/subscriptions", times: 100 });

    const { report } = await bench.lookThrough();

    expect(report).toMatchObject({ type: "failed", fault: { reason }, looked: 0 });
    expect((await bench.stripe.control.requests()).length - before).toBe(asked);
  });

  it("goes on past a contract of which Stripe's answer has no meaning, and names it", async () => {
    const bench = await setUpBooks();
    const { contractId } = await addMonthly(bench);
    await addMonthly(bench);
    const connection = {
      ...bench.gateway,
      async listPaidInvoices(subscriptionId: string) {
        const reply = await bench.gateway.listPaidInvoices(subscriptionId);
        const isOdd = subscriptionId === (await bench.contract(contractId)).stripe_subscription_id;
        return isOdd ? ({ type: "unexplained", code: "odd", httpStatus: 400, requestId: null } as const) : reply;
      },
    };

    const { report, found } = await bench.lookThrough({ connection });

    expect(found).toMatchObject([{ type: "unread", contractId, fault: { code: "odd" } }]);
    expect(report).toMatchObject({ type: "finished", looked: 2, counts: { unread: 1 } });
  });

  it("leaves out what is not paid by card, and what ended long ago", async () => {
    const bench = await setUpBooks();
    const { contractId } = await addMonthly(bench);
    await bench.sql`update keiyaku.contracts set status = 'terminated', ended_at = now() - interval '36 days' where id = ${contractId}`;
    await addContract(bench.sql, { id: "by-transfer", payment_method: "bank_transfer" });

    expect((await bench.lookThrough()).report).toMatchObject({ looked: 0, total: 0 });
  });

  it("finds its pages by an index of contracts by card alone", async () => {
    const bench = await setUpBooks();
    const connection = await bench.sql.reserve();
    await connection`set enable_seqscan = off`;
    const plan = await connection`explain select id from keiyaku.contracts c where c.payment_method = 'card'
      and (c.ended_at is null or c.ended_at > now() - interval '35 days') and c.id > 'c' order by c.id limit 100`;
    connection.release();
    expect(JSON.stringify(plan)).toMatch(/Index .*contracts_by_card/);
    expect(JSON.stringify(plan)).not.toContain("Sort");
  });
});

describe("payments that came along without their ids at Stripe", () => {
  it("learn them, and nothing else changes", async () => {
    const bench = await setUpBooks();
    const { contractId, invoiceId } = await startingByCard(bench);

    expect((await bench.lookThrough({ repair: true })).types).toEqual(["payment_unnamed"]);
    await bench.drain();

    expect((await bench.lookThrough()).types).toEqual([]);
    expect(await bench.sql`select stripe_invoice_id, state from keiyaku.payments`).toEqual([
      { stripe_invoice_id: invoiceId, state: "paid" },
    ]);
    expect(await bench.contract(contractId)).toMatchObject({ status: "not_started" });
  });
});

describe("a one-time contract", () => {
  it("learns of a refund that was made on the dashboard, and of its payment when that report was lost", async () => {
    const bench = await setUpBooks();
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    await bench.sdk.refunds.create({ payment_intent: paymentIntentId, amount: 3_000 }, bench.onDashboard);

    expect((await bench.lookThrough({ repair: true })).types).toEqual(["refund_missing"]);
    await bench.drain();
    expect((await bench.lookThrough()).types).toEqual([]);

    await bench.sql`delete from keiyaku.licenses where contract_id = ${contractId}`;
    await bench.sql`update keiyaku.payments set state = 'due', paid_at = null, stripe_payment_intent_id = null
      where contract_id = ${contractId} and subject = 'one_time_price'`;
    expect((await bench.lookThrough({ repair: true })).types).toEqual(["payment_missing"]);
    await bench.drain();
    expect((await bench.lookThrough()).types).toEqual([]);
  });
});
