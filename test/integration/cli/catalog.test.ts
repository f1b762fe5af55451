import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type CustomerPutOptions,
  customerPut,
  type ProductPutOptions,
  productPut,
} from "../../../src/cli/catalog-put.ts";
import { customerShow, productShow } from "../../../src/cli/catalog-show.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { type CommandBench, setUpCommand } from "./set-up-command.ts";

let command: CommandBench;
beforeAll(async () => {
  command = await setUpCommand();
});
afterAll(() => command.close());
beforeEach(() => command.bench.sql`truncate keiyaku.products, keiyaku.customers cascade`);

const magazine: ProductPutOptions["product"] = {
  id: "magazine",
  kind: "monthly",
  access: "per_period",
  priceMinor: 1_980,
  automaticTerminationMonth: "2027-03",
  version: 1,
};
const hanako: CustomerPutOptions["customer"] = {
  id: "u-1",
  email: "hanako@example.com",
  name: "山田 花子",
  locale: "ja",
  version: 1,
};

const putProduct = (overrides: Partial<typeof magazine> = {}, json = false) =>
  command.run((context) => productPut(context, { product: { ...magazine, ...overrides }, json }));
const putCustomer = (overrides: Partial<typeof hanako> = {}, json = false) =>
  command.run((context) => customerPut(context, { customer: { ...hanako, ...overrides }, json }));

describe("putting a product", () => {
  it("says what became of it: created, updated, or ignored with the known version", async () => {
    expect(await putProduct()).toBe(exitCodes.done);
    expect(command.out()).toBe("product magazine was created in version 1\n");
    expect(await putProduct({ version: 4, automaticTerminationMonth: null })).toBe(exitCodes.done);
    expect(command.out()).toBe("product magazine was updated to version 4\n");
    expect(await putProduct({ version: 3 })).toBe(exitCodes.done);
    expect(command.out()).toBe("product magazine stays as it is: version 3 is not greater than the known version 4\n");
    expect(command.err()).toBe("");
  });

  it("says so as JSON", async () => {
    await putProduct({ version: 2 }, true);
    expect(command.json()).toEqual({ id: "magazine", answer: "created", version: 2 });
    await putProduct({ version: 1 }, true);
    expect(command.json()).toEqual({ id: "magazine", answer: "ignored", version: 2 });
  });

  it("fails when the kind would change, and says what to do instead", async () => {
    await putProduct();
    expect(await putProduct({ version: 2, kind: "one_time" })).toBe(exitCodes.failed);
    expect(command.err()).toMatch(
      /^error invalid_request: kind cannot change .* an id of its own\. Nothing was written\.\n$/,
    );
  });

  it("is wrong usage when a field is not as it must be, and nothing is written", async () => {
    expect(await putProduct({ id: "no id" })).toBe(exitCodes.wrongUsage);
    expect(command.err()).toMatch(/^error invalid_request: id: must be 1 to 64 letters/);
    expect(await command.bench.sql`select from keiyaku.products`).toHaveLength(0);
  });
});

describe("showing a product", () => {
  it("tells everything about it, for people and for programs", async () => {
    await putProduct();
    expect(await command.run((context) => productShow(context, { productId: "magazine" }))).toBe(exitCodes.done);
    expect(command.out()).toMatch(/^ {2}kind +monthly 月額$/m);
    expect(command.out()).toMatch(/^ {2}price +¥1,980 a month$/m);
    expect(command.out()).toMatch(/^ {2}ends by itself +2027-03$/m);
    expect(command.out()).toMatch(/^ {2}known since .* \(Asia\/Tokyo\)$/m);
    await command.run((context) => productShow(context, { productId: "magazine", json: true }));
    expect(command.json()).toEqual({
      ...magazine,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    });
  });

  it("fails for one that is unknown", async () => {
    expect(await command.run((context) => productShow(context, { productId: "none" }))).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error product_not_found: The catalog has no product none\./);
  });
});

describe("a customer", () => {
  it("is put as a product is", async () => {
    expect(await putCustomer()).toBe(exitCodes.done);
    expect(command.out()).toBe("customer u-1 was created in version 1\n");
    expect(await putCustomer({ email: "no mail" })).toBe(exitCodes.wrongUsage);
    expect(command.err()).toMatch(/^error invalid_request: email: /);
  });

  it.each([false, true])("is shown without name and mail, unless these are asked for (json: %s)", async (json) => {
    await putCustomer();
    await command.run((context) => customerShow(context, { customerId: "u-1", json }));
    expect(command.out()).toContain("u-1");
    expect(command.out()).not.toMatch(/花子|hanako/);
    await command.run((context) => customerShow(context, { customerId: "u-1", withCustomer: true, json }));
    expect(command.out()).toMatch(/花子/);
    expect(command.out()).toMatch(/hanako@example\.com/);
  });

  it("is not found when unknown", async () => {
    expect(await command.run((context) => customerShow(context, { customerId: "none" }))).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error customer_not_found: /);
  });
});
