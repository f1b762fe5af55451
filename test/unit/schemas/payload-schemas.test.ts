import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveDemoFiles } from "../../../sandbox/demo/read-demo-files.ts";
import { payloadSchemas } from "../../../scripts/schemas/payload-schemas.ts";
import { readImportLine } from "../../../src/cli/read-import-line.ts";
import { operationKinds, operationRequestSchema } from "../../../src/contract/operation.ts";
import { requestableKinds, ruleOf } from "../../../src/contract/operations/index.ts";
import { readDelivery } from "../../../src/queue/read-delivery.ts";
import { customerPut, productPut } from "../../support/catalog.ts";
import { frozenDeliveries, frozenPayloads, frozenPuts, frozenRequests } from "../../support/frozen-payloads.ts";
import { createSchemaValidator } from "../../support/schemas.ts";

const isValid = createSchemaValidator();
const root = join(import.meta.dirname, "..", "..", "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const demo = resolveDemoFiles(
  {
    "contracts.ndjson": read("sandbox/demo/contracts.ndjson"),
    "requests.ndjson": read("sandbox/demo/requests.ndjson"),
  },
  { today: "2026-01-20", zone: "Asia/Tokyo" },
);

/** Whether the code that the schema was made of takes a request: its envelope and its kind's parameters. */
function isTaken(request: unknown): boolean {
  const envelope = operationRequestSchema.safeParse(request);
  if (!envelope.success || !requestableKinds.includes(envelope.data.kind)) return false;
  return ruleOf(envelope.data.kind).params.safeParse(envelope.data.params ?? {}).success;
}

const suspend = {
  id: "op-1",
  kind: "suspend",
  contractId: "c-1",
  actor: { type: "operator", id: "alice" },
};
const register = frozenRequests.find(({ name }) => name === "register")?.data.request as Record<string, unknown>;
const terms = register.params as Record<string, unknown>;

describe("the schema of a request", () => {
  it("says of every request of the demo what the code says, right and wrong ones", () => {
    const verdicts = demo.requests.map((request) => ({ request, verdict: isValid("operation-request", request) }));
    for (const { request, verdict } of verdicts) {
      expect({ id: request.id, verdict }).toEqual({ id: request.id, verdict: isTaken(request) });
    }
    expect(verdicts.filter(({ verdict }) => !verdict).length).toBeGreaterThanOrEqual(20);
    expect(verdicts.filter(({ verdict }) => verdict).length).toBeGreaterThan(900);
  });

  it.each(frozenRequests)("takes the frozen $name, alone and in its job", ({ data }) => {
    expect(isValid("operation-request", data.request)).toBe(true);
    expect(isValid("request-job", data)).toBe(true);
  });

  it.each([
    ["a kind that nobody may ask for", { ...suspend, kind: "renew", params: { date: "2026-01-20" } }],
    ["a field too many", { ...suspend, priority: 1 }],
    ["an actor who may not ask", { ...suspend, actor: { type: "schedule", id: "x" } }],
    ["no actor", { ...suspend, actor: undefined }],
    ["a reason that is too long", { ...suspend, reason: "x".repeat(2_001) }],
    ["a time without its zone", { ...suspend, requestedAt: "2026-01-20T03:00:00" }],
    ["a digest that is none", { ...suspend, expectedPlan: "abc" }],
    ["parameters of another kind", { ...suspend, params: { paidPeriods: [0] } }],
    ["parameters for a kind without any", { ...suspend, kind: "terminate", params: { now: true } }],
    ["no parameters where some are needed", { ...suspend, kind: "refund_payment" }],
    ["a parameter too few", { ...suspend, kind: "register", params: { ...terms, startOn: undefined } }],
    ["a date that does not exist", { ...suspend, kind: "register", params: { ...terms, startOn: "2024-02-30" } }],
    [
      "a date and time for a date",
      { ...suspend, kind: "register", params: { ...terms, startOn: "2024-10-08T00:00Z" } },
    ],
    ["an amount in fractions", { ...suspend, kind: "register", params: { ...terms, priceMinor: 19.8 } }],
    ["another currency", { ...suspend, kind: "register", params: { ...terms, currency: "usd" } }],
    [
      "a mail address that is none",
      { ...suspend, kind: "register", params: { ...terms, customer: { id: "u", name: "n", email: "x" } } },
    ],
  ])("refuses %s, as the code does", (_, request) => {
    const written: unknown = JSON.parse(JSON.stringify(request));
    expect(isTaken(written)).toBe(false);
    expect(isValid("operation-request", written)).toBe(false);
  });

  it("refuses a job of another version, and one without a request", () => {
    expect(isValid("request-job", { v: 1, request: suspend })).toBe(true);
    expect(isValid("request-job", { v: 2, request: suspend })).toBe(false);
    expect(isValid("request-job", { v: 1 })).toBe(false);
  });

  it("leaves out exactly the kinds that only the calendar and Stripe ask for", () => {
    const left = operationKinds.filter((kind) => !requestableKinds.includes(kind));
    expect(left.filter((kind) => ruleOf(kind).actors.every((actor) => ["schedule", "stripe"].includes(actor)))).toEqual(
      left,
    );
    expect(requestableKinds).toHaveLength(15);
  });
});

describe("the schemas of the catalog's jobs", () => {
  it.each(frozenPuts)("take the frozen $name", ({ name, data }) => {
    const [type, other] = name.startsWith("catalog-product") ? ["product", "customer"] : ["customer", "product"];
    expect(isValid(`catalog-${type}-job`, data)).toBe(true);
    expect(isValid(`catalog-${other}-job`, data)).toBe(false);
  });

  it.each([
    ["version 0", { ...productPut(), version: 0 }],
    ["no month", { ...productPut(), automaticTerminationMonth: undefined }],
    ["a month that is none", { ...productPut(), automaticTerminationMonth: "2026-13" }],
    ["no access", { ...productPut(), access: undefined }],
    ["a field too many", { ...productPut(), currency: "jpy" }],
  ])("refuse a product with %s", (_, product) => {
    expect(isValid("catalog-product-job", JSON.parse(JSON.stringify({ v: 1, product })))).toBe(false);
  });

  it("refuse a customer without a locale, or without mail", () => {
    for (const missing of ["locale", "email"]) {
      const customer = Object.fromEntries(Object.entries(customerPut()).filter(([key]) => key !== missing));
      expect(isValid("catalog-customer-job", { v: 1, customer })).toBe(false);
    }
  });
});

describe("the schema of the job that hands on what Stripe sent", () => {
  it.each(frozenDeliveries)("takes the frozen $name", ({ data }) => {
    expect(isValid("stripe-event-job", data)).toBe(true);
  });

  it.each([
    ["another version", { v: 2 }],
    ["a body that was parsed", { body: {} }],
    ["no body", { body: "" }],
    ["no signature", { signature: undefined }],
    ["a field too many", { account: "acct_1" }],
  ])("refuses one with %s, as the code does", (_, change) => {
    const data: unknown = JSON.parse(JSON.stringify({ ...frozenDeliveries[0]?.data, ...change }));
    expect(isValid("stripe-event-job", data)).toBe(false);
    expect(readDelivery("delivery", data).type).toBe("unreadable");
  });
});

describe("the schema of an import's line", () => {
  const isRead = (line: unknown) => {
    const { type } = readImportLine(Buffer.from(JSON.stringify(line)));
    return type !== "bad" && type !== "blank";
  };

  it("says of every line of the demo and of the README's example what the import says", () => {
    const examples = read("docs/examples/contracts.ndjson")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const line of [...demo.lines, ...examples]) {
      expect({ line, valid: isValid("import-line", line) }).toEqual({ line, valid: isRead(line) });
    }
    expect(examples.every((line) => isValid("import-line", line))).toBe(true);
  });

  it.each([
    ["a product in a version", { type: "product", ...productPut() }, true],
    ["a customer in a version", { type: "customer", ...customerPut() }, true],
    [
      "a product without a version, and little else",
      { type: "product", id: "p", kind: "monthly", priceMinor: 1 },
      true,
    ],
    [
      "a product in a version that leaves fields out",
      { type: "product", id: "p", kind: "monthly", priceMinor: 1, version: 1 },
      false,
    ],
    ["a line of no type", { id: "p", kind: "monthly", priceMinor: 1 }, false],
    ["a line of an unknown type", { type: "thing" }, false],
    ["a contract without its id", { type: "contract", ...terms }, false],
    ["a contract", { type: "contract", contractId: "c-1", ...terms }, true],
  ])("judges as the import does: %s", (_, line, verdict) => {
    expect(isRead(line)).toBe(verdict);
    expect(isValid("import-line", line)).toBe(verdict);
  });
});

describe("every schema", () => {
  it("has a name of its own, a title and a description, and so has every field of a number", () => {
    const schemas = [...payloadSchemas().values()];
    expect(new Set(schemas.map(({ $id }) => $id)).size).toBe(schemas.length);
    for (const { $id, title, description } of schemas) {
      expect({ $id, title: typeof title, description: typeof description }).toEqual({
        $id: expect.stringMatching(/^urn:keiyaku:schema:v1:[a-z_:-]+$/),
        title: "string",
        description: "string",
      });
    }
    expect(numbersWithoutWords(schemas, "")).toEqual([]);
    expect(frozenPayloads.length).toBeGreaterThan(0);
  });
});

/** The paths of integers that no sentence explains: whoever writes one must know its unit. */
function numbersWithoutWords(value: unknown, path: string): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "type" in value && value.type === "integer" && !("description" in value) && !path.endsWith(".items");
  const inner = Object.entries(value).flatMap(([key, child]) => numbersWithoutWords(child, `${path}.${key}`));
  return own ? [path, ...inner] : inner;
}
