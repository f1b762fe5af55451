import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { importCatalog } from "../../../src/store/import-catalog.ts";
import { type PutAnswer, putCustomer, putProduct } from "../../../src/store/put-catalog.ts";
import { readCustomer, readProduct } from "../../../src/store/read-catalog.ts";
import { customerPut, productPut } from "../../support/catalog.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { untilWaitingForLocks } from "./support/until-waiting.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.sql`truncate keiyaku.products, keiyaku.customers, keiyaku.operations cascade`);

const put = (overrides: Readonly<Record<string, unknown>> = {}) => putProduct(bench.db, productPut(overrides));
const product = () => readProduct(bench.db, "magazine");

describe("a product that is put", () => {
  it("is created when it is unknown, in whatever version it comes", async () => {
    expect(await put({ version: 7 })).toEqual({ answer: "created", version: 7 });
    expect(await product()).toMatchObject({
      id: "magazine",
      kind: "monthly",
      access: "per_period",
      priceMinor: 1_980,
      automaticTerminationMonth: null,
      version: 7,
    });
  });

  it("is updated wholly by a greater version, its month set, changed and cleared", async () => {
    await put();
    const first = await product();
    expect(await put({ version: 2, automaticTerminationMonth: "2026-03", access: "while_running" })).toEqual({
      answer: "updated",
      version: 2,
    });
    expect(await product()).toMatchObject({ automaticTerminationMonth: "2026-03", access: "while_running" });
    expect(await put({ version: 5, automaticTerminationMonth: "2026-04", priceMinor: 2_200 })).toEqual({
      answer: "updated",
      version: 5,
    });
    expect(await product()).toMatchObject({
      automaticTerminationMonth: "2026-04",
      access: "per_period",
      priceMinor: 2_200,
    });
    expect(await put({ version: 6 })).toEqual({ answer: "updated", version: 6 });
    const last = await product();
    expect(last).toMatchObject({ automaticTerminationMonth: null, priceMinor: 1_980, version: 6 });
    expect(last?.createdAt).toBe(first?.createdAt);
    expect(Date.parse(last?.updatedAt ?? "")).toBeGreaterThan(Date.parse(first?.updatedAt ?? ""));
  });

  it("knows since when its month stands: that moves when the month does, from and to none too, and with nothing else", async () => {
    const since = async () => {
      const [row] = await bench.sql`select automatic_termination_month_set_at = updated_at as "isNow",
          to_json(automatic_termination_month_set_at) #>> '{}' as since from keiyaku.products`;
      await bench.sql`update keiyaku.products set automatic_termination_month_set_at = '2025-01-20T03:00:00Z'`;
      return row?.isNow === true ? "now" : row?.since;
    };
    const before = "2025-01-20T03:00:00+00:00";
    const puts = [
      [{}, "now"],
      [{ priceMinor: 5 }, before],
      [{ automaticTerminationMonth: "2026-03" }, "now"],
      [{ automaticTerminationMonth: "2026-03", access: "while_running" }, before],
      [{ automaticTerminationMonth: "2026-04" }, "now"],
      [{}, "now"],
    ] as const;
    // Later than the creation by more than the precision of an instant.
    const later = () => new Promise((resolve) => setTimeout(resolve, 2));
    for (const [index, [overrides, expected]] of puts.entries()) {
      await put({ version: index + 1, ...overrides });
      expect([overrides, await since()]).toEqual([overrides, expected]);
      await later();
    }
    await put({ version: 6, automaticTerminationMonth: "2026-05" });
    expect(await since()).toBe(before);
  });

  it.each([
    ["the same version with the same content", { version: 3 }],
    ["the same version with other content", { version: 3, priceMinor: 1 }],
    ["an older version", { version: 2, priceMinor: 1 }],
    ["an older version of another kind", { version: 2, kind: "one_time" }],
  ])("is ignored in %s, and nothing is written", async (_, late) => {
    await put({ version: 3 });
    const before = await product();
    expect(await put(late)).toEqual({ answer: "ignored", version: 3 });
    expect(await product()).toEqual(before);
  });

  it("cannot change its kind, and the answer says what to do", async () => {
    await put();
    const before = await product();
    expect(await put({ version: 2, kind: "one_time" })).toEqual({
      answer: "invalid_request",
      field: "kind",
      problem: expect.stringMatching(
        /^cannot change from monthly to one_time, .*put it as a product with an id of its own$/,
      ),
    });
    expect(await product()).toEqual(before);
  });
});

describe("a product that register brought along", () => {
  beforeEach(() => bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params: monthlyTerms() }));

  it("has version 1: version 1 of a put is ignored, version 2 updates it", async () => {
    expect(await put({ version: 1, priceMinor: 5 })).toEqual({ answer: "ignored", version: 1 });
    expect(await put({ version: 2, priceMinor: 5 })).toEqual({ answer: "updated", version: 2 });
    const [contract] = await bench.sql`select price_minor::int from keiyaku.contracts where id = 'c-1'`;
    expect(contract).toEqual({ price_minor: 1_980 });
  });

  it("is not written again by a register that comes after a put", async () => {
    await put({ version: 2, automaticTerminationMonth: "2027-01" });
    const row = await bench.perform({ id: "r-2", kind: "register", contractId: "c-2", params: monthlyTerms() });
    expect(row.state).toBe("succeeded");
    expect(await product()).toMatchObject({ version: 2, automaticTerminationMonth: "2027-01" });
  });
});

/** Makes the puts meet: both stand before a row that a third party holds, and go on when it lets go. */
async function atOnce(
  table: "products" | "customers",
  puts: readonly (() => Promise<PutAnswer>)[],
): Promise<readonly PutAnswer[]> {
  const holder = await bench.sql.reserve();
  await holder`begin`;
  await holder`select from ${bench.sql(`keiyaku.${table}`)} for update`;
  const answers: Promise<PutAnswer>[] = [];
  // One after the other, so that who waits first is known.
  for (const [index, each] of puts.entries()) {
    answers.push(each());
    await untilWaitingForLocks(bench.sql, index + 1);
  }
  await holder`commit`;
  holder.release();
  return Promise.all(answers);
}

describe("two versions at once", () => {
  it("end with the greater one, when the smaller is first", async () => {
    await put();
    const answers = await atOnce("products", [() => put({ version: 2 }), () => put({ version: 3, priceMinor: 3 })]);
    expect(answers).toEqual([
      { answer: "updated", version: 2 },
      { answer: "updated", version: 3 },
    ]);
    expect(await product()).toMatchObject({ version: 3, priceMinor: 3 });
  });

  it("end with the greater one, when the smaller is late", async () => {
    await put();
    const answers = await atOnce("products", [() => put({ version: 3, priceMinor: 3 }), () => put({ version: 2 })]);
    expect(answers).toEqual([
      { answer: "updated", version: 3 },
      { answer: "ignored", version: 3 },
    ]);
    expect(await product()).toMatchObject({ version: 3, priceMinor: 3 });
  });

  it("end with the greater one of many, whoever comes when, and one of them creates it", async () => {
    const versions = Array.from({ length: 16 }, (_, index) => index + 1);
    const answers = await Promise.all(versions.map((version) => put({ version, priceMinor: version })));
    expect(answers.filter(({ answer }) => answer === "created")).toHaveLength(1);
    expect(await product()).toMatchObject({ version: 16, priceMinor: 16 });
  });

  it("waits for another's insertion of an unknown product that is not committed yet", async () => {
    const other = await bench.sql.reserve();
    await other`begin`;
    await other`insert into keiyaku.products (id, kind, access, price_minor, version) values ('magazine', 'monthly', 'per_period', 1, 4)`;
    const late = put({ version: 3 });
    await untilWaitingForLocks(bench.sql, 1);
    await other`commit`;
    other.release();
    expect(await late).toEqual({ answer: "ignored", version: 4 });
  });

  it("of a customer end with the greater one too", async () => {
    await putCustomer(bench.db, customerPut());
    const answers = await atOnce("customers", [
      () => putCustomer(bench.db, customerPut({ version: 3, email: "new@example.com" })),
      () => putCustomer(bench.db, customerPut({ version: 2, email: "old@example.com" })),
    ]);
    expect(answers.map(({ answer }) => answer)).toEqual(["updated", "ignored"]);
    expect(await readCustomer(bench.db, "customer-1", { withPersonalData: true })).toMatchObject({
      version: 3,
      email: "new@example.com",
    });
  });
});

describe("an operation that read the product", () => {
  it("is decided again when a put changed the product before it settled", async () => {
    await bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
    const { product: _, customer: __, ...terms } = monthlyTerms();
    await bench.accept({ id: "r-2", kind: "register", contractId: "c-2", params: terms });
    const holder = await bench.sql.reserve();
    await holder`begin`;
    await holder`update keiyaku.products set version = 2, automatic_termination_month = '2027-01'`;
    const executing = bench.execute("r-2");
    // It has read version 1, and stands before the row that it wants to find unchanged.
    await untilWaitingForLocks(bench.sql, 1);
    await holder`commit`;
    holder.release();
    expect(await executing).toMatchObject({ type: "succeeded" });
    expect(await bench.operation("r-2")).toMatchObject({ state: "succeeded" });
  });
});

describe("a customer who is put", () => {
  it("is created, updated by a greater version, and otherwise left alone", async () => {
    const putNow = (overrides = {}) => putCustomer(bench.db, customerPut(overrides));
    expect(await putNow()).toEqual({ answer: "created", version: 1 });
    expect(await putNow({ version: 2, name: "山田 はな子", locale: "en" })).toEqual({ answer: "updated", version: 2 });
    expect(await putNow({ version: 2, name: "somebody else" })).toEqual({ answer: "ignored", version: 2 });
    expect(await putNow({ version: 1 })).toEqual({ answer: "ignored", version: 2 });
    expect(await readCustomer(bench.db, "customer-1", { withPersonalData: true })).toMatchObject({
      name: "山田 はな子",
      email: "hanako@example.com",
      locale: "en",
      version: 2,
    });
  });

  it("is read without name and mail unless these are asked for", async () => {
    await putCustomer(bench.db, customerPut());
    const customer = await readCustomer(bench.db, "customer-1", { withPersonalData: false });
    expect(customer).toMatchObject({ id: "customer-1", locale: "ja", version: 1, email: null, name: null });
    expect(await readCustomer(bench.db, "nobody", { withPersonalData: true })).toBeUndefined();
  });
});

describe("a customer who was erased with their last contract", () => {
  const putThem = (version: number) => putCustomer(bench.db, customerPut({ id: "erased-1", version }));
  const names = async () => (await bench.sql`select name, version from keiyaku.customers where id = 'erased-1'`)[0];
  let contracts = 0;

  async function register() {
    const contractId = `erased-${++contracts}`;
    const customer = { id: "erased-1", email: "hanako@example.com", name: "Hanako" };
    const params = monthlyTerms({ customerId: customer.id, customer });
    const done = await bench.perform({ id: `r-${contractId}`, kind: "register", contractId, params });
    expect(done.state).toBe("succeeded");
    return contractId;
  }

  /** They were put in version 3, had one contract, and went with it. */
  beforeEach(async () => {
    await bench.sql`truncate keiyaku.erased_customers`;
    await putThem(3);
    const contractId = await register();
    const params = { confirm: contractId };
    expect(await bench.perform({ id: `d-${contractId}`, kind: "delete", contractId, params })).toMatchObject({
      state: "succeeded",
    });
    expect(await names()).toBeUndefined();
  });

  it.each([1, 2, 3])("is not brought back by a put of version %i, which is late", async (version) => {
    expect(await putThem(version)).toEqual({ answer: "ignored", version: 3 });
    expect(await names()).toBeUndefined();
  });

  it("is not brought back by a late put that was waiting for them in that very moment", async () => {
    await putThem(4);
    const eraser = await bench.sql.reserve();
    onTestFinished(async () => {
      await eraser`rollback`;
      eraser.release();
    });
    await eraser`begin`;
    await eraser`with gone as (delete from keiyaku.customers where id = 'erased-1' returning id, version)
      insert into keiyaku.erased_customers as e (id, version) select id, version from gone
      on conflict (id) do update set version = excluded.version`;
    const late = putThem(4);
    await untilWaitingForLocks(bench.sql, 1);
    await eraser`commit`;
    expect(await late).toEqual({ answer: "ignored", version: 4 });
    expect(await names()).toBeUndefined();
  });

  it("is known again by a newer version", async () => {
    expect(await putThem(4)).toEqual({ answer: "created", version: 4 });
    expect(await names()).toMatchObject({ version: 4 });
  });

  it("is known again by a registration, and puts from before are late all the same", async () => {
    await register();
    expect(await names()).toEqual({ name: "Hanako", version: 3 });
    expect(await putThem(3)).toEqual({ answer: "ignored", version: 3 });
    expect(await putThem(4)).toEqual({ answer: "updated", version: 4 });
  });

  it("is known again by an import, and puts from before are late all the same", async () => {
    const { version: _, ...customer } = customerPut({ id: "erased-1" });
    await importCatalog(bench.db, { products: [], customers: [customer] });
    expect(await putThem(2)).toEqual({ answer: "ignored", version: 3 });
  });
});
