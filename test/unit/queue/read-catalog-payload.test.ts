import { describe, expect, it } from "vitest";
import { catalogJob } from "../../../src/queue/enqueue.ts";
import { readCatalogPayload } from "../../../src/queue/read-catalog-payload.ts";
import { customerPut, productPut } from "../../support/catalog.ts";

const product = productPut();
const customer = customerPut();

function refusalOf(name: string, data: unknown) {
  const read = readCatalogPayload(name, data);
  return read.type === "unreadable" ? read.unreadable : undefined;
}

describe("a job of the queue catalog", () => {
  it("is read as it was made", () => {
    for (const put of [
      { type: "product", product },
      { type: "customer", customer },
    ] as const) {
      const { name, data } = catalogJob(put);
      expect(readCatalogPayload(name, data)).toEqual({ type: "put", put });
    }
  });

  it.each([
    ["a job of no known name", "magazine", { v: 1, product }, "job name"],
    ["no object", "product", "magazine", "payload"],
    ["another version of the payload", "product", { v: 2, product }, "v"],
    ["nothing to put", "product", { v: 1 }, "product"],
    ["a customer as a product", "product", { v: 1, customer }, "product"],
    ["a field too many beside it", "product", { v: 1, product, priority: 1 }, "priority"],
    ["a field too many", "product", { v: 1, product: { ...product, currency: "jpy" } }, "currency"],
    [
      "a field too few",
      "product",
      { v: 1, product: { ...product, automaticTerminationMonth: undefined } },
      "automaticTerminationMonth",
    ],
    ["no access", "product", { v: 1, product: { ...product, access: undefined } }, "access"],
    ["version 0", "product", { v: 1, product: { ...product, version: 0 } }, "version"],
    ["a version that is no whole number", "product", { v: 1, product: { ...product, version: 1.5 } }, "version"],
    [
      "a version that the database cannot hold",
      "product",
      { v: 1, product: { ...product, version: 2 ** 31 } },
      "version",
    ],
    [
      "a month that is none",
      "product",
      { v: 1, product: { ...product, automaticTerminationMonth: "2026-13" } },
      "automaticTerminationMonth",
    ],
    ["an amount below nothing", "product", { v: 1, product: { ...product, priceMinor: -1 } }, "priceMinor"],
    ["no locale", "customer", { v: 1, customer: { ...customer, locale: undefined } }, "locale"],
    ["a mail address that is none", "customer", { v: 1, customer: { ...customer, email: "hanako" } }, "email"],
    ["a character that is no text", "customer", { v: 1, customer: { ...customer, name: "a\0" } }, "name"],
    ["more than 64 KiB", "customer", { v: 1, customer: { ...customer, name: "x".repeat(70_000) } }, "customer"],
  ])("is refused with its field when it has %s", (_, name, data, field) => {
    expect(refusalOf(name, data)).toMatchObject({ field });
  });

  it("names who sent a refused one by the entry's id", () => {
    expect(refusalOf("product", { v: 1, product: { ...product, version: 0 } })?.requestId).toBe("magazine");
    expect(refusalOf("customer", { v: 1, customer: { ...customer, id: "no id" } })?.requestId).toBeNull();
  });

  it("leaves no mail address and no name behind when it is refused, wherever they stand", () => {
    const personal = { email: "hanako@example.com", name: "山田 花子" };
    const wrong: readonly (readonly [string, unknown])[] = [
      ["customer", { v: 1, customer: { ...customer, ...personal, version: "2" } }],
      ["customer", { v: 1, ...personal }],
      ["customer", { v: personal.email, customer: [personal.name] }],
      ["customer", { v: 1, customer: { ...customer, id: personal.email } }],
      ["customer", { v: 1, customer: { ...customer, [personal.email]: 1 } }],
      ["customer", [personal]],
      ["customer", `${personal.name} ${personal.email}`],
      ["product", { v: 1, customer: personal, product: { ...product, owner: { deep: personal } } }],
      [personal.email, { v: 1, customer: personal }],
    ];
    for (const [name, data] of wrong) {
      const refusal = refusalOf(name, data);
      expect(refusal).toBeDefined();
      expect(JSON.stringify(refusal)).not.toMatch(/hanako|花子/);
    }
  });

  it("keeps the shape of a refused one, and the words that are nobody's", () => {
    const content = refusalOf("customer", { v: 1, customer: { ...customer, version: "2" } })?.content ?? "";
    expect(JSON.parse(content)).toEqual({
      v: 1,
      customer: { id: "customer-1", email: "(string)", name: "(string)", locale: "ja", version: "2" },
    });
  });
});

describe("the job id of a put", () => {
  const idOf = (overrides: object) => catalogJob({ type: "product", product: { ...product, ...overrides } }).opts.jobId;

  it("is the same for the same put, and another for another version, content or entry", () => {
    expect(idOf({})).toBe(idOf({}));
    expect(new Set([{}, { version: 2 }, { priceMinor: 1 }, { id: "other" }].map(idOf)).size).toBe(4);
    expect(catalogJob({ type: "customer", customer }).opts.jobId).not.toMatch(/customer-1|hanako/);
  });
});
