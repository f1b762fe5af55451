import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generateSchemas } from "../../../sandbox/stripe/params/generate-schemas.ts";
import { SCHEMAS_FILE } from "../../../sandbox/stripe/params/param-schema.ts";
import { PURCHASE, SHOP, setUpStandIn } from "./set-up-stand-in.ts";

async function setUp() {
  const bundle = await setUpStandIn();
  await bundle.control.seed({
    ...SHOP,
    ...PURCHASE,
    subscriptions: [{ id: "sub_a", customer: "cus_hanako", price: "price_monthly", anchorAt: "2026-10-08T01:00:00Z" }],
  });
  const errorOf = async (method: string, path: string, parameters: string) => {
    const url = `${bundle.standIn.url}${path}${method === "POST" ? "" : `?${parameters}`}`;
    const body = method === "POST" ? { body: parameters } : {};
    const headers = { authorization: `Bearer ${bundle.standIn.secretKey}` };
    const answer = await fetch(url, { method, headers, ...body });
    const { error } = (await answer.json()) as { error?: { code?: string; param?: string } };
    return { status: answer.status, code: error?.code, param: error?.param };
  };
  return { ...bundle, errorOf };
}

test("the committed schemas are those of the installed SDK", { timeout: 120_000 }, () => {
  expect(readFileSync(SCHEMAS_FILE, "utf8")).toBe(generateSchemas());
});

test.each<[what: string, method: string, path: string, parameters: string, code: string | undefined, param?: string]>([
  ["an unknown name", "POST", "/v1/refunds", "charge=ch_purchase&colour=red", "parameter_unknown", "colour"],
  ["an unknown name of a GET", "GET", "/v1/refunds", "colour=red", "parameter_unknown", "colour"],
  ["an unknown name of a DELETE", "DELETE", "/v1/subscriptions/sub_a", "now=true", "parameter_unknown", "now"],
  [
    "an unknown name deep inside",
    "POST",
    "/v1/subscriptions",
    "customer=cus_hanako&items[0][price_data][colour]=red&items[0][price_data][currency]=jpy" +
      "&items[0][price_data][product]=p&items[0][price_data][recurring][interval]=month",
    "parameter_unknown",
    "items[0][price_data][colour]",
  ],
  [
    "an unknown name inside a list without indexes",
    "POST",
    "/v1/subscriptions",
    "customer=cus_hanako&items[][price]=price_monthly&items[][colour]=red",
    "parameter_unknown",
    "items[0][colour]",
  ],
  ["a missing name", "POST", "/v1/prices", "product=prod_course&unit_amount=1", "parameter_missing", "currency"],
  [
    "a missing name inside another",
    "POST",
    "/v1/prices",
    "currency=jpy&product=prod_course&unit_amount=1&recurring[interval_count]=1",
    "parameter_missing",
    "recurring[interval]",
  ],
  ["a fraction", "POST", "/v1/refunds", "charge=ch_purchase&amount=1.5", "parameter_invalid_integer", "amount"],
  ["a word for a number", "GET", "/v1/refunds", "limit=ten", "parameter_invalid_integer", "limit"],
  [
    "a word for a moment or a range of them",
    "GET",
    "/v1/refunds",
    "created[gte]=yesterday",
    "parameter_invalid_integer",
    "created[gte]",
  ],
  ["a word outside a closed enum", "POST", "/v1/refunds", "charge=ch_purchase&reason=whim", undefined, "reason"],
  [
    "a number for a flag",
    "POST",
    "/v1/subscriptions/sub_a",
    "cancel_at_period_end=2",
    undefined,
    "cancel_at_period_end",
  ],
  ["a map for a text", "POST", "/v1/refunds", "charge[id]=ch_purchase", undefined, "charge"],
  ["an empty text for an id", "POST", "/v1/refunds", "charge=", "parameter_invalid_empty", "charge"],
  [
    "both of two that exclude each other",
    "POST",
    "/v1/subscriptions/sub_a",
    "cancel_at=min_period_end&cancel_at_period_end=true",
    "parameters_exclusive",
  ],
  ["two cursors", "GET", "/v1/refunds", "starting_after=re_1&ending_before=re_2", "parameters_exclusive"],
])("refuses %s", async (_what, method, path, parameters, code, param) => {
  const { errorOf, control } = await setUp();

  expect(await errorOf(method, path, parameters)).toEqual({ status: 400, code, param });
  expect((await control.ledger()).filter(({ effect }) => effect !== "seeded")).toEqual([]);
});

test("an empty text unsets where the SDK's types say so", async () => {
  const { stripe } = await setUp();
  await stripe.subscriptions.update("sub_a", { metadata: { a: "1", b: "2" }, cancel_at: "min_period_end" });

  const one = await stripe.subscriptions.update("sub_a", { metadata: { a: "" }, cancel_at: "" });
  const all = await stripe.subscriptions.update("sub_a", { metadata: "" });

  expect(one).toMatchObject({ metadata: { b: "2" }, cancel_at: null });
  expect(all.metadata).toEqual({});
});

test("says plainly, in the answer and in the log, that a parameter of Stripe's is not imitated", async () => {
  const { errorOf, logged } = await setUp();

  const error = await errorOf("POST", "/v1/refunds", "charge=ch_purchase&reverse_transfer=true");

  expect(error).toEqual({ status: 400, code: undefined, param: "reverse_transfer" });
  expect(logged).toEqual([expect.stringMatching(/^NOT IMITATED at POST \/v1\/refunds: .*reverse_transfer/)]);
});
