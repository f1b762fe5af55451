import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { connectStandInControl } from "../../../sandbox/stripe/control-client.ts";
import { startStripeStandIn } from "../../../sandbox/stripe/stripe-stand-in.ts";
import { clientOf, PURCHASE, SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

const MAIN = fileURLToPath(new URL("../../../sandbox/stripe/main.ts", import.meta.url));
const SECRET_KEY = "sk_test_keiyaku_stand_in";
const REFUND = { payment_intent: "pi_purchase", amount: 100 } as const;

function newStateFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "stripe-stand-in-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "state.ndjson");
}

/** The stand-in as a process of its own, ready to answer. Killed when the test is over, if it still runs. */
async function startProcess(stateFile: string, ...more: string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, "--port", "0", "--state", stateFile, ...more], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const { url } = JSON.parse(await firstLineOf(child)) as { url: string };
  const client = clientOf({ port: Number(new URL(url).port), secretKey: SECRET_KEY });
  return { child, url, control: connectStandInControl(url), stripe: client };
}

async function firstLineOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("The process has no output");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("The process ended without a word");
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown[]> {
  const ended = once(child, "exit");
  child.kill(signal);
  return ended;
}

test("nothing that was answered is lost by kill -9: objects, keys, ledger and requests", async () => {
  const stateFile = newStateFile();
  const first = await startProcess(stateFile);
  await first.control.seed({ ...SHOP, paymentIntents: PURCHASE.paymentIntents });
  const refund = await first.stripe.refunds.create(REFUND, { idempotencyKey: "k1" });
  const subscription = await first.stripe.subscriptions.create({
    customer: "cus_hanako",
    items: [{ price: "price_monthly" }],
  });
  const [ledger, requests] = [await first.control.ledger(), await first.control.requests()];
  expect(await end(first.child, "SIGKILL")).toEqual([null, "SIGKILL"]);

  const second = await startProcess(stateFile);

  expect(await second.control.ledger()).toEqual(ledger);
  expect(await second.control.requests()).toEqual(requests);
  expect((await second.stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
  expect((await second.stripe.charges.retrieve("ch_purchase")).amount_refunded).toBe(100);
  expect((await second.stripe.refunds.create(REFUND, { idempotencyKey: "k1" })).id).toBe(refund.id);
  expect((await second.stripe.refunds.list({ payment_intent: "pi_purchase" })).data).toHaveLength(1);
});

test("a refund whose reply was lost is there after kill -9, and its key still finds it", async () => {
  const stateFile = newStateFile();
  const first = await startProcess(stateFile);
  await first.control.seed(PURCHASE);
  await first.control.fault({ mode: "lose_reply_after", times: 2, method: "POST", path: "/v1/refunds" });
  await stripeErrorOf(first.stripe.refunds.create(REFUND, { idempotencyKey: "k1" }));
  await end(first.child, "SIGKILL");

  const second = await startProcess(stateFile);

  const found = await second.stripe.refunds.create(REFUND, { idempotencyKey: "k1" });
  expect(found.lastResponse.headers["idempotent-replayed"]).toBe("true");
  expect((await second.control.ledger()).filter(({ effect }) => effect === "refund.created")).toHaveLength(1);
});

test("the process ends by itself on SIGTERM, and passes its switches on", async () => {
  const { child, stripe, control } = await startProcess(newStateFile(), "--refuse-automatic-keys");
  await control.seed(PURCHASE);

  expect((await stripeErrorOf(stripe.refunds.create(REFUND))).statusCode).toBe(400);
  expect(await end(child, "SIGTERM")).toEqual([0, null]);
});

test("continues its numbering after a restart, and remembers pruning", async () => {
  const stateFile = newStateFile();
  const first = await startStripeStandIn({ stateFile });
  await first.control.seed(PURCHASE);
  await clientOf(first).refunds.create(REFUND, { idempotencyKey: "k1" });
  await first.control.pruneKeys();
  await first.stop();

  const { stripe, control } = await setUpStandIn({ stateFile });
  await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  const ledger = await control.ledger();
  expect(ledger.map(({ sequence }) => sequence)).toEqual(ledger.map((_, position) => position + 1));
  expect(ledger.filter(({ effect }) => effect === "refund.created")).toHaveLength(2);
  expect((await control.requests()).map(({ sequence }) => sequence)).toEqual([1, 2]);
});

test("what was deleted is gone after a restart, too", async () => {
  const stateFile = newStateFile();
  const first = await setUpStandIn({ stateFile });
  await first.control.seed(SHOP);
  const subscription = await first.stripe.subscriptions.create({
    customer: "cus_hanako",
    items: [{ price: "price_monthly" }],
  });
  const [item] = subscription.items.data;
  await first.stripe.subscriptions.update(subscription.id, { items: [{ id: item?.id ?? "", quantity: 2 }] });
  const [deleted, kept] = (await first.stripe.invoiceItems.list()).data;
  await first.stripe.invoiceItems.del(deleted?.id ?? "");
  await first.standIn.stop();

  const { stripe } = await setUpStandIn({ stateFile });

  expect((await stripe.invoiceItems.list()).data.map(({ id }) => id)).toEqual([kept?.id]);
});

test("drops a last line that a crash cut off, and goes on after it", async () => {
  const stateFile = newStateFile();
  const first = await startStripeStandIn({ stateFile });
  await first.control.seed(PURCHASE);
  await first.stop();
  appendFileSync(stateFile, '{"type":"change","change":{"objects":[{"id":"re_torn');

  const second = await startStripeStandIn({ stateFile });
  await clientOf(second).refunds.create(REFUND);
  await second.stop();

  const { stripe } = await setUpStandIn({ stateFile });
  expect((await stripe.refunds.list({ payment_intent: "pi_purchase" })).data).toMatchObject([{ amount: 100 }]);
});

test("refuses to start on a damaged history, naming file and line", async () => {
  const stateFile = newStateFile();
  writeFileSync(stateFile, '{"type":"keys_pruned"}\n{"type":"chan\n{"type":"keys_pruned"}\n');

  await expect(startStripeStandIn({ stateFile })).rejects.toThrow(`${stateFile} is damaged at line 2`);
});

test("reads back lines that are longer than a piece of the file", async () => {
  const stateFile = newStateFile();
  const customers = Array.from({ length: 4000 }, (_, n) => ({ id: `cus_${n}`, name: "長い名前".repeat(20) }));
  const first = await startStripeStandIn({ stateFile });
  await first.control.seed({ customers });
  await first.stop();
  expect(readFileSync(stateFile).length).toBeGreaterThan(2 * 1024 * 1024);

  const { stripe, control } = await setUpStandIn({ stateFile });

  expect(await control.ledger()).toHaveLength(4000);
  expect(await stripe.customers.retrieve("cus_3999")).toMatchObject({ name: "長い名前".repeat(20) });
});

test("reset empties the file", async () => {
  const stateFile = newStateFile();
  const { control } = await setUpStandIn({ stateFile });
  await control.seed(PURCHASE);

  await control.reset();

  expect(readFileSync(stateFile, "utf8")).toBe("");
  await control.seed(PURCHASE);
  expect(readFileSync(stateFile, "utf8")).toContain("pi_purchase");
});
