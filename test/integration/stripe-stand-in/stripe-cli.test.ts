import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { PURCHASE, SHOP, setUpStandIn } from "./set-up-stand-in.ts";

/** The version that this test was written against. It is no dependency: its binaries are missing for some platforms. */
const INSTALL = "npm install --no-save @stripe/cli@1.52.0";

/** Where it is: named by the environment, as `.ci/run` does, or beside the dependencies. */
const CLI = process.env.STRIPE_CLI ?? fileURLToPath(new URL("../../../node_modules/.bin/stripe", import.meta.url));
const isInstalled = existsSync(CLI);
if (!isInstalled) {
  process.stderr.write(`\nSKIPPED: the stand-in is not checked with Stripe's own command line tool. ${INSTALL}\n\n`);
}

interface CliRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A stand-in and Stripe's command line tool talking to it, in a home folder of its own. */
async function setUp() {
  const bundle = await setUpStandIn();
  await bundle.control.seed({
    ...SHOP,
    ...PURCHASE,
    subscriptions: [{ id: "sub_a", customer: "cus_hanako", price: "price_monthly", anchorAt: "2026-10-08T01:00:00Z" }],
  });
  const home = mkdtempSync(join(tmpdir(), "stripe-cli-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const { PATH } = process.env;
  const env = {
    PATH,
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    STRIPE_API_KEY: bundle.standIn.secretKey,
    STRIPE_CLI_TELEMETRY_OPTOUT: "1",
  };
  const run = (...args: string[]) =>
    new Promise<CliRun>((resolve) => {
      const child = execFile(CLI, [...args, "--api-base", bundle.standIn.url], { env }, (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
      });
      child.stdin?.end();
    });
  /** The answer of the API, which the tool prints in the end. */
  const answerOf = async (...args: string[]) => {
    const { stdout } = await run(...args);
    return JSON.parse(stdout.slice(stdout.indexOf("{"))) as Record<string, unknown>;
  };
  return { ...bundle, run, answerOf };
}

describe.skipIf(!isInstalled)("Stripe's command line tool", { timeout: 120_000 }, () => {
  test("refunds with a key of its own, which replays, and reads what it did", async () => {
    const { control, answerOf } = await setUp();
    const refund = ["post", "/v1/refunds", "-d", "charge=ch_purchase", "-d", "amount=100", "-i", "k1"];

    const first = await answerOf(...refund);
    const second = await answerOf(...refund);

    expect(first).toMatchObject({ object: "refund", amount: 100, status: "succeeded" });
    expect(second).toEqual(first);
    expect(await answerOf("get", "/v1/refunds")).toMatchObject({ data: [first] });
    expect((await control.ledger()).filter(({ effect }) => effect === "refund.created")).toHaveLength(1);
  });

  test("shows Stripe's refusals: an over-refund without a code, an unknown parameter by its name", async () => {
    const { answerOf } = await setUp();
    const refund = (...data: string[]) => answerOf("post", "/v1/refunds", "-d", "charge=ch_purchase", "-d", ...data);

    const tooMuch = (await refund("amount=10001")) as { error: object };
    const unknown = (await refund("colour=red")) as { error: object };

    expect(tooMuch.error).toMatchObject({ type: "invalid_request_error", param: "amount" });
    expect(tooMuch.error).not.toHaveProperty("code");
    expect(unknown.error).toMatchObject({ code: "parameter_unknown", param: "colour" });
  });

  test("cancels a subscription by DELETE, once", async () => {
    const { control, answerOf } = await setUp();

    expect(await answerOf("subscriptions", "cancel", "sub_a", "-c")).toMatchObject({ id: "sub_a", status: "canceled" });
    expect(await answerOf("subscriptions", "cancel", "sub_a", "-c")).toMatchObject({
      error: { code: "resource_missing", param: "id" },
    });
    expect(await answerOf("events", "list", "--limit", "1")).toMatchObject({
      data: [{ type: "customer.subscription.deleted" }],
    });
    expect((await control.requests()).map(({ method }) => method)).toEqual(["DELETE", "DELETE", "GET"]);
  });

  test("makes a subscription from its fixtures, whose lists have no indexes", async () => {
    const { stripe, run } = await setUp();
    const file = fileURLToPath(new URL("../../fixtures/stripe-cli/subscription.json", import.meta.url));

    const { status, stderr } = await run("fixtures", file);

    expect({ status, stderr }).toMatchObject({ status: 0 });
    const [made] = (await stripe.subscriptions.list({ limit: 1 })).data;
    expect(made).toMatchObject({ status: "active", cancel_at_period_end: true, metadata: { contract: "c1" } });
    expect(await stripe.invoices.list({ subscription: made?.id ?? "" })).toMatchObject({
      data: [{ status: "paid", amount_paid: 1500 }],
    });
  });

  test("makes a webhook endpoint, which is shown its secret once, and deletes it", async () => {
    const { stripe, answerOf } = await setUp();
    const made = await answerOf(
      "post",
      "/v1/webhook_endpoints",
      "-d",
      "url=http://127.0.0.1:9/",
      "-d",
      "enabled_events[]=refund.created",
      "-d",
      "enabled_events[]=refund.failed",
    );

    expect(made).toMatchObject({
      secret: expect.stringMatching(/^whsec_/),
      enabled_events: ["refund.created", "refund.failed"],
    });
    expect(await answerOf("webhook_endpoints", "retrieve", String(made.id))).not.toHaveProperty("secret");
    expect(await answerOf("webhook_endpoints", "delete", String(made.id), "-c")).toMatchObject({ deleted: true });
    expect((await stripe.webhookEndpoints.list()).data).toEqual([]);
  });

  test("its built-in triggers send what endive no longer takes, and are refused for that", async () => {
    const { run } = await setUp();

    const { status, stderr } = await run("trigger", "payment_intent.succeeded");

    expect(status).toBe(1);
    expect(stderr).toContain("payment_method_types");
  });
});
