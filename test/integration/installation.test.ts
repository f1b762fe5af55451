import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { startEmbeddedPostgres } from "../../sandbox/postgres/embedded-postgres.ts";
import { readPostmasterFile } from "../../sandbox/postgres/postmaster-file.ts";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { openInstallation } from "../../src/installation.ts";
import { Secret } from "../../src/secret.ts";
import { verifyEvent } from "../../src/stripe/verify-event.ts";
import { expectedEvents, webhookSecret } from "../support/stripe-events.ts";
import { createTestStore } from "../support/test-database.ts";
import { setUpReceiver } from "./stripe-stand-in/set-up-receiver.ts";

/** A data folder with a database of the test's own beside it, so that the stand-in is all that starts by itself. */
async function setup() {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const dataDir = mkdtempSync(join(tmpdir(), "keiyaku-installation-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const config = readConfig({ DATABASE_URL: store.url, KEIYAKU_DATA_DIR: dataDir });
  return {
    addressFile: join(dataDir, "stripe", "address.json"),
    open: async () => {
      const said: string[] = [];
      const installation = await openInstallation(config, (sentence) => void said.push(sentence));
      onTestFinished(() => installation.stop());
      return { ...installation, said };
    },
  };
}

/** An embedded PostgreSQL that runs over a data folder of the test's own, as a process that was killed leaves it behind. */
async function setupLeftBehind() {
  const dataDir = mkdtempSync(join(tmpdir(), "keiyaku-installation-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const server = await startEmbeddedPostgres({ dataDir: join(dataDir, "postgres"), durable: true });
  onTestFinished(() => server.stop());
  const config = readConfig({ KEIYAKU_DATA_DIR: dataDir });
  const said: string[] = [];
  return {
    said,
    open: () => openInstallation(config, (sentence) => void said.push(sentence), { stripe: false }),
    connect: async () => {
      const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
      onTestFinished(() => sql.end({ timeout: 0 }));
      await sql`select 1`;
      return sql;
    },
    runs: async () => (await readPostmasterFile(join(dataDir, "postgres")))?.pid === server.pid,
  };
}

/** Somebody else's server, which answers everything alike. */
async function startStranger(status: number, body: unknown) {
  const heard: string[] = [];
  const server = createServer(({ url, headers }, response) => {
    heard.push(`${url} ${headers.authorization ?? ""}`);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}

it("a second process uses the stand-in that the first one has started", async () => {
  const { open } = await setup();
  const first = await open();

  const second = await open();

  expect(second.stripe.apiBase).toBe(first.stripe.apiBase);
  expect(second.stripe.secretKey.reveal()).toBe(first.stripe.secretKey.reveal());
  expect(second.said).toEqual([]);
});

it("sends what it reports to one relay, where it is told to last, signed with the secret that it is given", async () => {
  const { open } = await setup();
  const { stripe } = await open();
  const { url: before, received: missed } = await setUpReceiver();
  const { url, received, until } = await setUpReceiver();
  await stripe.sendEventsTo?.(before, new Secret("whsec_of_an_earlier_start"));

  await stripe.sendEventsTo?.(url, new Secret(webhookSecret));
  await fetch(`${stripe.apiBase}/v1/customers`, {
    method: "POST",
    headers: { authorization: `Bearer ${stripe.secretKey.reveal()}` },
    body: new URLSearchParams({ name: "hanako" }),
  });
  await until(1);

  const [delivery] = received;
  expect(verifyEvent(delivery ?? { body: "", signature: null }, expectedEvents(), systemClock.nowMs())).toMatchObject({
    type: "event",
    event: { type: "customer.created" },
  });
  expect(missed).toEqual([]);
});

it("is told of no relay where somebody has set a key: a person makes the endpoint there", async () => {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const config = readConfig({
    DATABASE_URL: store.url,
    STRIPE_SECRET_KEY: "sk_test_1",
    STRIPE_API_BASE: "http://127.0.0.1:1",
  });

  const installation = await openInstallation(config, () => undefined);
  onTestFinished(() => installation.stop());

  expect(installation.stripe.sendEventsTo).toBeUndefined();
});

it("a stand-in that has stopped leaves no address behind, and one that is used along keeps it", async () => {
  const { open, addressFile } = await setup();
  const [first, second] = [await open(), await open()];

  await second.stop();
  expect(existsSync(addressFile)).toBe(true);
  await first.stop();
  expect(existsSync(addressFile)).toBe(false);
});

it.each([
  [200, { data: [] }],
  [200, { result: "another stand-in" }],
  [200, null],
  [404, { error: "not found" }],
])("whoever else answers at a killed stand-in's port is not taken for it: %i %j", async (status, body) => {
  const { open, addressFile } = await setup();
  const killed = await open();
  const address = JSON.parse(readFileSync(addressFile, "utf8"));
  await killed.stop();
  const stranger = await startStranger(status, body);
  writeFileSync(addressFile, JSON.stringify({ ...address, url: stranger.url }));

  const { stripe, said } = await open();

  expect(stripe.apiBase).not.toBe(stranger.url);
  expect(said).toEqual([expect.stringContaining(`using the Stripe stand-in at ${stripe.apiBase}`)]);
  expect(stranger.heard).toEqual(["/_control/identity "]);
  expect(JSON.parse(readFileSync(addressFile, "utf8"))).toMatchObject({ url: stripe.apiBase });
});

it("an address without an identity, as it was written before there was one, is nobody's", async () => {
  const { open, addressFile } = await setup();
  const killed = await open();
  const { identity: _, ...address } = JSON.parse(readFileSync(addressFile, "utf8"));
  await killed.stop();
  const stranger = await startStranger(200, {});
  writeFileSync(addressFile, JSON.stringify({ ...address, url: stranger.url }));

  expect((await open()).stripe.apiBase).not.toBe(stranger.url);
});

describe("an embedded PostgreSQL that runs already", () => {
  it("is taken over when nobody uses it, and stopped with the installation", async () => {
    const { open, said, runs } = await setupLeftBehind();

    const installation = await open();
    expect(said).toEqual([expect.stringContaining("using the embedded PostgreSQL")]);
    expect(await runs()).toBe(true);
    await installation.stop();

    expect(await runs()).toBe(false);
  });

  it("is left to those who use it", async () => {
    const { open, said, connect, runs } = await setupLeftBehind();
    const theirs = await connect();

    const installation = await open();
    await theirs.end({ timeout: 0 });
    await installation.stop();

    expect(said).toEqual([]);
    expect(await runs()).toBe(true);
  });

  it("is kept by whoever has joined since it was taken over", async () => {
    const { open, connect, runs } = await setupLeftBehind();
    const installation = await open();
    await connect();

    await installation.stop();

    expect(await runs()).toBe(true);
  });
});
