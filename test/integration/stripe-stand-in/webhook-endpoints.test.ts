import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Stripe from "stripe";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { setUpReceiver } from "./set-up-receiver.ts";
import { clientOf, PURCHASE, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

async function setUp() {
  const bundle = await setUpStandIn();
  const receiver = await setUpReceiver();
  await bundle.control.seed(PURCHASE);
  const refund = () => bundle.stripe.refunds.create({ charge: "ch_purchase", amount: 100 });
  const untilStates = async (...wanted: string[]) => {
    const areThere = async () =>
      JSON.stringify((await bundle.control.deliveries()).map(({ state }) => state)) === JSON.stringify(wanted);
    await eventually(areThere, { withinMs: 10_000, describe: `deliveries ${wanted.join(", ")}` });
  };
  return { ...bundle, ...receiver, refund, untilStates };
}

test("an endpoint is told what it enabled, signed with the secret that only its creation shows", async () => {
  const { stripe, url, received, until, refund } = await setUp();

  const made = await stripe.webhookEndpoints.create({
    url,
    enabled_events: ["refund.created"],
    api_version: "2026-10-28.endive",
    description: "keiyaku",
    metadata: { role: "test" },
  });
  await refund();
  await until(1);

  expect(made).toMatchObject({
    id: expect.stringMatching(/^we_/),
    object: "webhook_endpoint",
    secret: expect.stringMatching(/^whsec_/),
    status: "enabled",
    enabled_events: ["refund.created"],
    api_version: "2026-10-28.endive",
    livemode: false,
    metadata: { role: "test" },
  });
  expect(made).not.toHaveProperty("unsent");
  const [event] = received.map(({ body, signature }) =>
    stripe.webhooks.constructEvent(body, signature, made.secret ?? ""),
  );
  expect(event).toMatchObject({ type: "refund.created", api_version: "2026-10-28.endive" });
  const { secret: _, lastResponse: __, ...shown } = made;
  expect(await stripe.webhookEndpoints.retrieve(made.id)).toEqual(shown);
  expect((await stripe.webhookEndpoints.list()).data).toEqual([shown]);
});

test("each endpoint signs with a secret of its own", async () => {
  const { stripe, url, received, until, refund } = await setUp();
  const params: Stripe.WebhookEndpointCreateParams = { url, enabled_events: ["refund.created"] };
  const secrets = [await stripe.webhookEndpoints.create(params), await stripe.webhookEndpoints.create(params)].map(
    ({ secret }) => secret ?? "",
  );
  await refund();
  await until(2);

  const isSignedBy = ({ body, signature }: (typeof received)[number], secret: string) => {
    try {
      return stripe.webhooks.constructEvent(body, signature, secret).type === "refund.created";
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
      throw error;
    }
  };
  const signers = received.map((event) => secrets.filter((secret) => isSignedBy(event, secret)));
  expect(signers.map(({ length }) => length)).toEqual([1, 1]);
  expect(signers.flat().toSorted()).toEqual(secrets.toSorted());
});

test("what an endpoint wants can be changed; a disabled one is told nothing, its waiting deliveries neither", async () => {
  const { stripe, control, url, received, answers, until, refund, untilStates } = await setUp();
  const { id } = await stripe.webhookEndpoints.create({ url, enabled_events: ["charge.refunded"] });
  await stripe.webhookEndpoints.update(id, { enabled_events: ["refund.created"] });
  answers.push(500);
  await refund();
  await until(1);
  await untilStates("waiting");

  expect(await stripe.webhookEndpoints.update(id, { disabled: true })).toMatchObject({ status: "disabled" });
  await refund();
  await control.advanceClock({ seconds: 3600 });
  await untilStates("given_up");
  expect((await stripe.events.list({ type: "refund.created", limit: 1 })).data[0]).toMatchObject({
    pending_webhooks: 0,
  });
  expect(await stripe.webhookEndpoints.update(id, { disabled: false })).toMatchObject({ status: "enabled" });
  await refund();
  await until(2);

  expect(received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual([
    "refund.created",
    "refund.created",
  ]);
});

test("a deleted endpoint is told nothing, listed no more, and found no more", async () => {
  const { stripe, control, url, received, refund } = await setUp();
  const { id } = await stripe.webhookEndpoints.create({ url, enabled_events: ["*"] });

  expect(await stripe.webhookEndpoints.del(id)).toMatchObject({ id, object: "webhook_endpoint", deleted: true });
  await refund();

  expect(await control.deliveries()).toEqual([]);
  expect(received).toEqual([]);
  expect((await stripe.webhookEndpoints.list()).data).toEqual([]);
  for (const again of [stripe.webhookEndpoints.del(id), stripe.webhookEndpoints.retrieve(id)]) {
    expect(await stripeErrorOf(again)).toMatchObject({ statusCode: 404, code: "resource_missing" });
  }
});

test.each<[what: string, params: Partial<Stripe.WebhookEndpointCreateParams>, param: string, code?: string]>([
  ["an address that is none", { url: "stripe.example" }, "url", "url_invalid"],
  ["a type that Stripe does not know", { enabled_events: ["refund.regretted" as "*"] }, "enabled_events[0]"],
  ["events in another version", { api_version: "2026-08-26.dahlia" }, "api_version"],
])("refuses %s", async (_what, params, param, code) => {
  const { stripe, url } = await setUp();

  const error = await stripeErrorOf(stripe.webhookEndpoints.create({ url, enabled_events: ["*"], ...params }));

  expect([error.statusCode, error.param, error.code]).toEqual([400, param, code]);
  expect((await stripe.webhookEndpoints.list()).data).toEqual([]);
});

test("an endpoint and its secret are there after a restart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stripe-stand-in-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const stateFile = join(folder, "state.ndjson");
  const { url, received, until } = await setUpReceiver();
  const first = await setUpStandIn({ stateFile });
  await first.control.seed(PURCHASE);
  const { secret = "" } = await first.stripe.webhookEndpoints.create({ url, enabled_events: ["refund.created"] });
  await first.standIn.stop();

  const { standIn } = await setUpStandIn({ stateFile });
  const stripe = clientOf(standIn);
  await stripe.refunds.create({ charge: "ch_purchase" });
  await until(1);

  const [event] = received;
  expect(stripe.webhooks.constructEvent(event?.body ?? "", event?.signature ?? "", secret).type).toBe("refund.created");
});
