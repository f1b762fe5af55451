import { Redis } from "ioredis";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { startStripeStandIn } from "../../../sandbox/stripe/stripe-stand-in.ts";
import type { CommandContext } from "../../../src/cli/context.ts";
import { doctor } from "../../../src/cli/doctor.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { systemClock } from "../../../src/clock.ts";
import { readConfig } from "../../../src/config.ts";
import type { Finding } from "../../../src/doctor/finding.ts";
import { queueNames } from "../../../src/queue/payloads.ts";
import { Database } from "../../../src/store/database.ts";
import { readListedUntil } from "../../../src/store/event-backfills.ts";
import { describeOnBackend } from "../../support/backends.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { createEmptyDatabase } from "../../support/database.ts";
import { findFreePort } from "../../support/free-port.ts";
import { startRedisServer } from "../../support/redis-server.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { addressOf } from "../../support/test-database.ts";
import { setUpCommand } from "./set-up-command.ts";

/** A doctor on a database, a stand-in of Stripe and the environment given, and what it found by the check's name. */
async function setup(env: NodeJS.ProcessEnv = {}, overrides: Partial<CommandContext> = {}) {
  const command = await setUpCommand();
  onTestFinished(() => command.close());
  const { stripe, url } = command.bench;
  const config = readConfig({
    DATABASE_URL: url,
    STRIPE_API_BASE: stripe.url,
    STRIPE_SECRET_KEY: stripe.secretKey,
    ...env,
  });
  const examine = async (more: Partial<CommandContext> = {}) => {
    const code = await command.run((context) => doctor(context, { json: true }), { config, ...overrides, ...more });
    const { well, findings } = command.json() as { well: boolean; findings: readonly Finding[] };
    expect(well).toBe(code === exitCodes.done);
    return { code, of: (name: Finding["check"]) => findings.filter(({ check }) => check === name), findings };
  };
  return { ...command, config, examine };
}

/** Access to a database that may not be there. */
function databaseAt(url: string) {
  const address = addressOf(url);
  const db = new Database({ address, poolSize: 2, applicationName: "keiyaku-test" });
  onTestFinished(() => db.close(500));
  return { address, db };
}

describe("keiyaku doctor", () => {
  it("finds everything well where it is, and says so in lines that a person reads", async () => {
    const command = await setup();
    const { config } = command;

    const code = await command.run((context) => doctor(context, {}), { config });
    const out = command.out();

    expect(code).toBe(exitCodes.done);
    expect(out).toMatch(/^ok {7}postgres {4}PostgreSQL [\d.]+.* answers; \d+ of \d+ connections are taken\.$/m);
    expect(out).toMatch(/^ok {7}schema {6}The schema is up to date: \d+ migrations, the queue's at version \d+\.$/m);
    expect(out).toMatch(
      /^ok {7}stripe {6}The stand-in for Stripe at http:\/\/127\.0\.0\.1:\d+ accepts the test key; no money moves\./m,
    );
    expect(out).toMatch(/^ok {7}jobs {8}Queue operations: 0 waiting/m);
    expect(out).toMatch(/^ok {7}refunds {5}No refund is owed\.$/m);
    expect(out).not.toMatch(/^wrong/m);
    expect(out).not.toContain(config.stripe.type === "stand_in" ? "" : config.stripe.secretKey.reveal());
  });

  it("names the held operations with what they ask, and fails", async () => {
    const command = await setup();
    const { bench, examine } = command;
    await bench.accept({ id: "op-held", kind: "suspend", contractId: "c-1", reason: "hanako@example.com asked" });
    await command.hold("op-held");

    const { code, of, findings } = await examine();

    expect(code).toBe(exitCodes.failed);
    expect(of("operations")).toContainEqual(
      expect.objectContaining({
        verdict: "wrong",
        facts: { held: [expect.objectContaining({ id: "op-held", kind: "suspend", question: "attempts_exhausted" })] },
      }),
    );
    expect(JSON.stringify(findings)).not.toContain("hanako");
  });

  it("tells of a key that Stripe does not accept", async () => {
    const { bench, examine } = await setup({ STRIPE_SECRET_KEY: "sk_test_ofsomebodyelse" });
    await bench.stripe.control.setAcceptedKey("sk_test_theaccounts");

    const { code, of, findings } = await examine();

    expect(code).toBe(exitCodes.failed);
    expect(of("stripe")).toMatchObject([{ verdict: "wrong", says: expect.stringContaining("(401)") }]);
    expect(JSON.stringify(findings)).not.toContain("ofsomebodyelse");
  });

  it("names what a restricted key is not permitted to do", async () => {
    const { bench, examine } = await setup();
    await bench.stripe.control.fault({ mode: "status_403", path: "/v1/invoices/in_keiyakudoctor", method: "GET" });

    expect((await examine()).of("stripe")).toMatchObject([
      { verdict: "wrong", says: expect.stringContaining("read_invoice (403)") },
    ]);
  });

  it("tells that the key may not list events, and of the back-fill that fails for it", async () => {
    const { bench, examine } = await setup();
    expect((await examine()).of("backfill")).toMatchObject([
      { verdict: "warning", says: expect.stringContaining("has never been listed") },
    ]);
    await bench.stripe.control.fault({ mode: "status_403", path: "/v1/events" });
    await readListedUntil(bench.db, new Date(Date.now() - 8 * 86_400_000).toISOString());

    const { of, code } = await examine();

    expect(code).toBe(exitCodes.failed);
    expect(of("backfill")).toMatchObject([{ verdict: "wrong", says: expect.stringContaining("8 days ago") }]);
    expect(of("stripe")).toMatchObject([
      { verdict: "well" },
      { verdict: "warning", says: expect.stringContaining("list events (403)") },
    ]);
  });

  it("tells of a subscription that Stripe has given up without cancelling it", async () => {
    const { bench, examine } = await setup();
    const subscription = { customer: "cus_1", price: "price_1", anchorAt: "2024-10-08T00:00:00Z" };
    await bench.stripe.control.seed({
      customers: [{ id: "cus_1" }],
      products: [{ id: "prod_1" }],
      prices: [{ id: "price_1", product: "prod_1", amount: 1_980 }],
      subscriptions: [{ ...subscription, id: "sub_well" }],
    });
    expect((await examine()).of("stripe")).toMatchObject([{ verdict: "well" }]);

    await bench.stripe.control.seed({ subscriptions: [{ ...subscription, id: "sub_left", status: "unpaid" }] });
    expect((await examine()).of("stripe")).toMatchObject([
      { verdict: "well" },
      {
        verdict: "warning",
        says: expect.stringContaining("sub_left unpaid"),
        remedy: expect.stringContaining("cancel a subscription after the last retry"),
      },
    ]);
  });

  it("tells of a valid key whose account knows none of the subscriptions that bill our contracts", async () => {
    const { bench, examine } = await setup();
    await monthlyByCard(bench);
    await monthlyByCard(bench);
    expect((await examine()).of("stripe")).toMatchObject([{ verdict: "well" }]);
    const other = await startStripeStandIn();
    onTestFinished(() => other.stop());
    const config = readConfig({
      DATABASE_URL: bench.url,
      STRIPE_API_BASE: other.url,
      STRIPE_SECRET_KEY: other.secretKey,
    });

    const { code, of } = await examine({ config });

    expect(code).toBe(exitCodes.failed);
    expect(of("stripe")).toMatchObject([
      { verdict: "well" },
      {
        verdict: "wrong",
        says: expect.stringMatching(/knows none of sub_\w+, sub_\w+, .* another account or mode/),
        remedy: expect.stringContaining("Stop the workers at once"),
      },
    ]);
  });

  it("does not take one subscription that is gone for another account", async () => {
    const { bench, examine } = await setup();
    await monthlyByCard(bench);
    const { contractId } = await monthlyByCard(bench);
    await bench.sql`update keiyaku.contracts set stripe_subscription_id = 'sub_gone' where id = ${contractId}`;
    expect((await examine()).of("stripe")).toMatchObject([{ verdict: "well" }]);
  });

  it("says that a stand-in takes Stripe's place when there is no key", async () => {
    const { examine } = await setup({ STRIPE_API_BASE: "", STRIPE_SECRET_KEY: "" });

    expect((await examine()).of("stripe")).toMatchObject([{ verdict: "well", facts: { type: "stand_in" } }]);
  });

  it("tells that migrations are missing, and leaves alone what needs them", async () => {
    const { examine } = await setup();
    const empty = await createEmptyDatabase();
    onTestFinished(() => empty.drop());

    const { code, of } = await examine(databaseAt(empty.url));

    expect(code).toBe(exitCodes.failed);
    expect(of("schema")).toMatchObject([{ verdict: "wrong", remedy: expect.stringContaining("keiyaku migrate") }]);
    expect(of("operations")).toMatchObject([{ verdict: "skipped" }]);
    expect(of("jobs")).toMatchObject([{ verdict: "skipped" }]);
  });

  it("tells that a migration is pending on a database that has had others", async () => {
    const { bench, examine } = await setup();
    await bench.sql`delete from keiyaku.__drizzle_migrations where created_at = (select max(created_at) from keiyaku.__drizzle_migrations)`;

    expect((await examine()).of("schema")).toMatchObject([
      { verdict: "wrong", says: expect.stringMatching(/has 1 of the 2 migrations/) },
    ]);
  });

  it("tells that this host's clock is off", async () => {
    const { examine } = await setup();
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - 60_000 };

    const { code, of } = await examine({ clock });

    expect(code).toBe(exitCodes.failed);
    expect(of("clocks")).toMatchObject([
      { verdict: "wrong", says: expect.stringMatching(/differ by (59\.\d|60\.\d) s/) },
    ]);
  });

  it("reports all the rest when the database refuses, and when it does not answer at all", async () => {
    const { bench, examine } = await setup();
    const url = new URL(bench.url);
    const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    onTestFinished(() => proxy.stop());
    url.hostname = "127.0.0.1";
    url.port = String(proxy.port);
    for (const mode of ["refuse", "blackHole"] as const) {
      await proxy.setMode(mode);
      const beganMs = performance.now();

      const { code, of } = await examine(databaseAt(url.href));

      expect(code).toBe(exitCodes.failed);
      expect(of("postgres")).toMatchObject([{ verdict: "wrong" }]);
      expect(of("stripe")).toMatchObject([{ verdict: "well" }]);
      expect(of("operations")).toMatchObject([{ verdict: "skipped" }]);
      expect(performance.now() - beganMs).toBeLessThan(20_000);
    }
  });

  it("tells of a password that is wrong as such", async () => {
    const { bench, examine } = await setup();
    const url = new URL(bench.url);
    url.pathname = "/nowhere";

    expect((await examine(databaseAt(url.href))).of("postgres")).toMatchObject([
      { verdict: "wrong", remedy: "Correct DATABASE_URL." },
    ]);
  });

  it("tells that Redis and Stripe are away, within bounds, and all that it can beside it", async () => {
    const { examine } = await setup({
      REDIS_URL: `redis://127.0.0.1:${await findFreePort()}`,
      STRIPE_API_BASE: `http://127.0.0.1:${await findFreePort()}`,
    });

    const { code, of } = await examine();

    expect(code).toBe(exitCodes.failed);
    expect(of("queue")).toMatchObject([{ verdict: "wrong", says: "Redis does not answer." }]);
    expect(of("stripe")).toMatchObject([{ verdict: "wrong", says: expect.stringContaining("does not answer") }]);
    expect(of("jobs")).toMatchObject([{ verdict: "skipped" }]);
    expect(of("schema")).toMatchObject([{ verdict: "well" }]);
  });
});

describeOnBackend("keiyaku doctor on Redis", "redis", () => {
  it("tells the policy, the persistence and the memory of Redis, and counts its jobs", async () => {
    const server = await startRedisServer();
    onTestFinished(() => server.stop());
    const { examine } = await setup({ REDIS_URL: server.url });
    const redis = new Redis(server.url);
    onTestFinished(() => redis.disconnect());
    await redis.config("SET", "maxmemory-policy", "allkeys-lru");
    await redis.config("SET", "maxmemory", String(64 * 1_048_576));

    const { code, of } = await examine();

    expect(code).toBe(exitCodes.failed);
    expect(of("queue")).toMatchObject([
      { verdict: "well", facts: { policy: "allkeys-lru", isAppendOnly: false } },
      { verdict: "wrong", says: expect.stringContaining("allkeys-lru") },
      { verdict: "warning", says: expect.stringContaining("appendonly no") },
    ]);
    expect(of("clocks")).toHaveLength(2);
    expect(of("jobs")).toMatchObject(queueNames.map((queue) => ({ verdict: "well", facts: { queue, waiting: 0 } })));
  });

  it("tells how long the oldest job has waited", async () => {
    const { examine, bench } = await setup({ REDIS_URL: inject("redisUrl") });
    const server = await startRedisServer();
    onTestFinished(() => server.stop());
    const { openQueue } = await import("../../../src/queue/queue-backend.ts");
    const queue = await openQueue({ type: "redis", url: server.url }, "operations", 5_000);
    onTestFinished(() => queue.close());
    await queue.add("request", {}, { timestamp: Date.now() - 1_200_000 });
    await queue.add("request", {});
    const config = readConfig({ DATABASE_URL: bench.url, REDIS_URL: server.url });

    const [operations] = (await examine({ config })).of("jobs");
    expect(operations).toMatchObject({
      verdict: "wrong",
      says: expect.stringContaining("the oldest has waited for 20 min"),
      facts: { waiting: 2 },
    });
  });
});
