import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { ConfigError, readConfig, settingNames } from "../../src/config.ts";

const databaseUrl = "postgres://keiyaku:open-sesame@db.example.com:6543/contracts?sslmode=verify-full";
const liveKey = "sk_live_abcdefghijklmnop";
const testKey = "sk_test_abcdefghijklmnop";

function mistakesOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

/** A file with the given content, gone after the test. */
function secretFile(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "keiyaku-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "secret");
  writeFileSync(path, content);
  return path;
}

describe("the limits of refunds", () => {
  test("are amounts in the currency's minor unit, each of which may be set alone", () => {
    expect(readConfig({ REFUND_LIMIT: "50000" }).brakes).toEqual({
      refundLimitMinor: 50_000,
      refundLimitPerHourMinor: null,
    });
    expect(readConfig({ REFUND_LIMIT_PER_HOUR: "500000" }).brakes).toEqual({
      refundLimitMinor: null,
      refundLimitPerHourMinor: 500_000,
    });
  });

  test.each(["0", "-1", "1.5", "many"])("are refused as %s", (value) => {
    expect(mistakesOf({ REFUND_LIMIT: value })).toEqual([expect.stringContaining("REFUND_LIMIT must be")]);
  });

  test("contradict each other when an hour allows less than one refund", () => {
    expect(mistakesOf({ REFUND_LIMIT: "500", REFUND_LIMIT_PER_HOUR: "499" })).toEqual([
      "REFUND_LIMIT_PER_HOUR (499) must be at least REFUND_LIMIT (500): otherwise a refund within the one would exceed the other.",
    ]);
  });
});

describe("mail", () => {
  const env = {
    SMTP_URL: "smtp://mailpit:1025",
    MAIL_FROM: "契約係 <a@example.com>",
    OPERATOR_MAIL: "b@example.com, c@example.com",
  };

  test("goes to the server of SMTP_URL, from one address and to several operators in one language", () => {
    expect(readConfig({ ...env, OPERATOR_LOCALE: "en" }).mail).toEqual({
      transport: { type: "smtp", options: { host: "mailpit", port: 1025, login: null, tls: "offered" } },
      from: { name: "契約係", address: "a@example.com" },
      operators: [
        { name: "", address: "b@example.com" },
        { name: "", address: "c@example.com" },
      ],
      operatorLocale: "en",
    });
  });

  test("takes the URL from a file too, and does not show its password", () => {
    const { SMTP_URL: _, ...rest } = env;
    const config = readConfig({ ...rest, SMTP_URL_FILE: secretFile("smtps://u:geheim@mail.example.com\n") });
    expect(config.mail.transport).toMatchObject({ type: "smtp", options: { host: "mail.example.com" } });
    expect(inspect(config, { depth: 9 })).not.toContain("geheim");
  });

  test.each([
    [{ MAIL_FROM: "" }, "MAIL_FROM must be set when SMTP_URL is: the address from which mail is sent."],
    [{ OPERATOR_MAIL: "" }, "OPERATOR_MAIL must be set when SMTP_URL is: "],
    [
      { MAIL_FROM: "nobody" },
      "MAIL_FROM must be the address from which mail is sent, as in Keiyaku <keiyaku@example.com>",
    ],
    [{ OPERATOR_MAIL: "b@example.com,,c@example.com" }, "OPERATOR_MAIL must be the address of the operators"],
    [{ OPERATOR_LOCALE: "fr" }, "OPERATOR_LOCALE must be"],
    [{ SMTP_URL: "mailpit:1025" }, "SMTP_URL must begin with smtp:// or smtps://."],
  ])("with %o is told as a mistake", (overrides, says) => {
    expect(mistakesOf({ ...env, ...overrides })).toEqual([expect.stringContaining(says)]);
  });
});

describe("without any setting", () => {
  test("everything is embedded, local and of development", () => {
    expect(readConfig({})).toEqual({
      mode: "development",
      database: { type: "embedded", dataDir: resolve(".keiyaku/postgres") },
      queue: { type: "postgres" },
      stripe: {
        type: "stand_in",
        stateDir: resolve(".keiyaku/stripe"),
        limits: { perSecond: Infinity, perEndpoint: Infinity },
      },
      businessTimeZone: "Asia/Tokyo",
      dailyRunAt: "03:00",
      moneyPolicy: { refundCutoffOn: "2018-08-04", latePayment: "refund" },
      brakes: { refundLimitMinor: null, refundLimitPerHourMinor: null },
      mail: {
        transport: { type: "folder", dir: resolve(".keiyaku/mail") },
        from: { name: "keiyaku", address: "keiyaku@localhost.invalid" },
        operators: [{ name: "", address: "operators@localhost.invalid" }],
        operatorLocale: "ja",
      },
      http: { host: "127.0.0.1", port: 8787 },
      queueDashboard: false,
      tracing: null,
      api: { host: "127.0.0.1", port: 8788, tokens: [] },
      relay: { host: "127.0.0.1", port: 8789 },
      stripeEvents: { secrets: [], livemode: false, account: null, metadataKey: null },
      shutdownTimeoutMs: 25_000,
      failpoints: [],
      logLevel: "info",
      workerConcurrency: 8,
      databasePoolSize: 10,
    });
  });

  test("an empty variable counts as not set", () => {
    const empty = { DATABASE_URL: "", STRIPE_SECRET_KEY: "", HTTP_PORT: "", NODE_ENV: "", DATABASE_URL_FILE: "" };

    expect(readConfig(empty)).toEqual(readConfig({}));
  });
});

describe("what a process may ask of Stripe each second", () => {
  const base = { STRIPE_API_BASE: "http://127.0.0.1:12111" };
  test.each([
    ["a live key", { NODE_ENV: "production", DATABASE_URL: databaseUrl, STRIPE_SECRET_KEY: liveKey }, [80, 20]],
    ["a test key", { STRIPE_SECRET_KEY: testKey }, [20, 20]],
    ["a stand-in", { STRIPE_SECRET_KEY: testKey, ...base }, [Infinity, Infinity]],
    ["a share", { STRIPE_SECRET_KEY: testKey, STRIPE_LIMIT_SHARE: "40" }, [10, 10]],
    [
      "other limits",
      { ...base, STRIPE_SECRET_KEY: testKey, STRIPE_REQUESTS_PER_SECOND: "500", STRIPE_REQUESTS_PER_ENDPOINT: "50" },
      [400, 40],
    ],
  ])("with %s", (_, env, [perSecond, perEndpoint]) => {
    expect(readConfig(env).stripe.limits).toEqual({ perSecond, perEndpoint });
  });
});

describe("what is set", () => {
  test("is what a production configuration says", () => {
    const config = readConfig({
      NODE_ENV: "production",
      DATABASE_URL: databaseUrl,
      REDIS_URL: "rediss://cache.example.com:6380/1",
      STRIPE_SECRET_KEY: liveKey,
      BUSINESS_TIME_ZONE: "Europe/Vienna",
      HTTP_HOST: "0.0.0.0",
      HTTP_PORT: "9000",
      SHUTDOWN_TIMEOUT: "50",
      LOG_LEVEL: "warn",
      WORKER_CONCURRENCY: "20",
    });

    expect(config).toMatchObject({
      mode: "production",
      database: {
        type: "url",
        options: { host: "db.example.com", port: 6543, user: "keiyaku", database: "contracts", tls: "verify-full" },
      },
      queue: { type: "redis" },
      stripe: { type: "live" },
      businessTimeZone: "Europe/Vienna",
      http: { host: "0.0.0.0", port: 9000 },
      shutdownTimeoutMs: 50_000,
      logLevel: "warn",
      workerConcurrency: 20,
      databasePoolSize: 22,
    });
    expect(config.stripe.type === "live" && config.stripe.secretKey.reveal()).toBe(liveKey);
    expect(config.queue.type === "redis" && config.queue.url.reveal()).toBe("rediss://cache.example.com:6380/1");
    expect(config.database.type === "url" && config.database.url.reveal()).toBe(databaseUrl);
    expect(config.database.type === "url" && config.database.options.password.reveal()).toBe("open-sesame");
  });

  test("a test key may go to a stand-in outside production", () => {
    const config = readConfig({ STRIPE_SECRET_KEY: testKey, STRIPE_API_BASE: "http://127.0.0.1:12111/" });

    expect(config.stripe).toMatchObject({ type: "test", apiBase: "http://127.0.0.1:12111" });
  });

  test("restricted keys are told apart as secret ones are", () => {
    const stripeOf = (key: string) => readConfig({ STRIPE_SECRET_KEY: key, DATABASE_URL: databaseUrl }).stripe.type;

    expect(stripeOf("rk_test_abc")).toBe("test");
    expect(stripeOf("rk_live_abc")).toBe("live");
  });

  test("traces go where OTEL_EXPORTER_OTLP_ENDPOINT says, with headers that nobody sees", () => {
    const config = readConfig({
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://traces.example.com:4318/otlp",
      OTEL_EXPORTER_OTLP_HEADERS_FILE: secretFile("authorization=Bearer%20open-sesame,x-team=money\n"),
    });

    expect(config.tracing?.endpoint).toBe("https://traces.example.com:4318/otlp");
    expect(config.tracing?.headers?.reveal()).toBe("authorization=Bearer%20open-sesame,x-team=money");
    expect(JSON.stringify(config) + inspect(config)).not.toContain("open-sesame");
    expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" }).tracing?.headers).toBeUndefined();
  });

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "127.0.0.1:4318" }, /^OTEL_EXPORTER_OTLP_ENDPOINT must be a URL of HTTP/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://x" }, /^OTEL_EXPORTER_OTLP_ENDPOINT must be a URL of HTTP/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://me:hush@x" }, /^OTEL_EXPORTER_OTLP_ENDPOINT must not hold a password/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "a=hush" }, /^OTEL_EXPORTER_OTLP_HEADERS needs OTEL_EXPORTER_OTLP_ENDPOINT/],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://x", OTEL_EXPORTER_OTLP_HEADERS: "hush" },
      /^OTEL_EXPORTER_OTLP_HEADERS must be/,
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://x", OTEL_EXPORTER_OTLP_HEADERS: "a=hush%FF" },
      /^OTEL_EXPORTER_OTLP_HEADERS must/,
    ],
    [{ QUEUE_DASHBOARD: "yes" }, /^QUEUE_DASHBOARD must be one of true, false/],
  ])("%o is a mistake that quotes no secret", (env, sentence) => {
    expect(mistakesOf(env)).toEqual([expect.stringMatching(sentence)]);
    expect(mistakesOf(env).join("")).not.toContain("hush");
  });

  test("the dashboard is refused in production unless only this machine can reach it", () => {
    const production = { NODE_ENV: "production", DATABASE_URL: databaseUrl, STRIPE_SECRET_KEY: liveKey };
    const withHost = (host: string) => mistakesOf({ ...production, QUEUE_DASHBOARD: "true", HTTP_HOST: host });

    expect(withHost("0.0.0.0")).toEqual([
      expect.stringMatching(/^QUEUE_DASHBOARD must not be true.*HTTP_HOST is "0\.0\.0\.0".*no login/),
    ]);
    expect(withHost("127.evil.example")).toHaveLength(1);
    for (const host of ["127.0.0.1", "127.0.0.53", "::1", "localhost"]) expect(withHost(host)).toEqual([]);
    expect(mistakesOf({ QUEUE_DASHBOARD: "true", HTTP_HOST: "0.0.0.0" })).toEqual([]);
  });

  test("each setting that may hold a secret can come from a file", () => {
    const secrets = settingNames.filter((name) => /(KEY|SECRETS?|TOKENS?|PASSWORD|HEADERS|_URL)$/.test(name));

    expect(secrets.length).toBeGreaterThanOrEqual(4);
    for (const name of secrets) expect(settingNames).toContain(`${name}_FILE`);
  });

  test("a failpoint has a name, a count and an action, and perhaps an operation", () => {
    const failpointsOf = (text: string) => readConfig({ KEIYAKU_FAILPOINT: text }).failpoints;

    const first = { name: "after:stripe:void_invoice", nth: 3, action: "kill", operationId: null };
    expect(failpointsOf("after:stripe:void_invoice:3:kill")).toEqual([first]);
    expect(failpointsOf("after:stripe:void_invoice:3:kill,*:12:throw")).toEqual([
      first,
      { name: "*", nth: 12, action: "throw", operationId: null },
    ]);
    expect(failpointsOf("before:journal_intent:1:pause@op-1")).toEqual([
      { name: "before:journal_intent", nth: 1, action: "pause", operationId: "op-1" },
    ]);
  });

  test("nothing can be changed afterwards", () => {
    const config = readConfig({ DATABASE_URL: databaseUrl, KEIYAKU_FAILPOINT: "before:ping:1:hang" });
    const { database, queue, stripe, http, api, failpoints } = config;
    const parts = [config, database, queue, stripe, http, api, api.tokens, failpoints, ...failpoints];

    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
    expect(config.database.type === "url" && Object.isFrozen(config.database.options)).toBe(true);
  });
});

describe("which events are ours", () => {
  const first = `whsec_${"a".repeat(32)}`;
  const second = `whsec_${"B1".repeat(16)}`;

  test("is said by the secrets of the endpoints, the key and the account", () => {
    const { stripeEvents } = readConfig({
      NODE_ENV: "production",
      DATABASE_URL: databaseUrl,
      STRIPE_SECRET_KEY: liveKey,
      STRIPE_WEBHOOK_SECRETS_FILE: secretFile(`${first}, ${second},${first}\n`),
      STRIPE_ACCOUNT: "acct_1Q2w3E",
      STRIPE_OWN_METADATA: "contract",
    });

    expect(stripeEvents.secrets.map((secret) => secret.reveal())).toEqual([first, second]);
    expect(stripeEvents).toMatchObject({ livemode: true, account: "acct_1Q2w3E", metadataKey: "contract" });
    expect(readConfig({ STRIPE_SECRET_KEY: testKey }).stripeEvents.livemode).toBe(false);
  });

  test.each(["whsec_", "whsec_short", `${first},`, `${first};${second}`, `sk_test_${"a".repeat(32)}`])(
    "what is no secret of an endpoint is refused: %s",
    (STRIPE_WEBHOOK_SECRETS) => {
      expect(mistakesOf({ STRIPE_WEBHOOK_SECRETS })).toEqual([
        "STRIPE_WEBHOOK_SECRETS must be the signing secrets of webhook endpoints, whsec_…, several apart by commas.",
      ]);
    },
  );

  test("old secrets are not collected for ever", () => {
    const many = Array.from({ length: 11 }, (_, index) => `${first}${index}`).join(",");
    expect(mistakesOf({ STRIPE_WEBHOOK_SECRETS: many })).toEqual([
      expect.stringMatching(/^STRIPE_WEBHOOK_SECRETS has 11 secrets/),
    ]);
  });

  test("an account is an account's id", () => {
    expect(mistakesOf({ STRIPE_OWN_METADATA: "metadata[contract]" })).toEqual([
      "STRIPE_OWN_METADATA must be a key of metadata at Stripe: at most 40 characters, no blanks or brackets.",
    ]);
    expect(mistakesOf({ STRIPE_ACCOUNT: "shop" })).toEqual([
      'STRIPE_ACCOUNT must be the id of a connected account, acct_…, and is "shop".',
    ]);
  });
});

describe("secrets", () => {
  const apiToken = `open-sesame-${"x".repeat(32)}`;
  const env = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: "redis://:open-sesame@cache",
    STRIPE_SECRET_KEY: testKey,
    API_TOKENS: `operator:alice=${apiToken}`,
    STRIPE_WEBHOOK_SECRETS: "whsec_open-sesame-open-sesame",
  };

  test("are not shown by whatever turns the configuration into text", () => {
    const config = readConfig(env);

    for (const text of [JSON.stringify(config), inspect(config, { depth: null, showHidden: true })]) {
      expect(text).not.toContain("open-sesame");
      expect(text).not.toContain(testKey);
      expect(text).toContain("[secret]");
    }
    expect(config.stripe.type === "test" && String(config.stripe.secretKey)).toBe("[secret]");
  });

  test("are read from a file, without the line end after them", () => {
    const config = readConfig({
      STRIPE_SECRET_KEY_FILE: secretFile(`${testKey}\n`),
      API_TOKENS_FILE: secretFile(`operator:alice=${apiToken}\nservice:shop=${apiToken.toUpperCase()}\n`),
      DATABASE_URL_FILE: secretFile(databaseUrl),
    });

    expect(config.stripe.type === "test" && config.stripe.secretKey.reveal()).toBe(testKey);
    expect(config.database.type).toBe("url");
    expect(config.api.tokens.map(({ actor, token }) => [actor.id, token.reveal()])).toEqual([
      ["alice", apiToken],
      ["shop", apiToken.toUpperCase()],
    ]);
  });

  test("given twice are refused", () => {
    expect(mistakesOf({ REDIS_URL: "redis://cache", REDIS_URL_FILE: secretFile("redis://cache") })).toEqual([
      "REDIS_URL and REDIS_URL_FILE are both set; keep one of them.",
    ]);
  });

  test("in a file that is missing or empty are refused, without the path, which may be the secret itself", () => {
    const [missing, ...others] = mistakesOf({
      NODE_ENV: "production",
      DATABASE_URL: databaseUrl,
      STRIPE_SECRET_KEY_FILE: liveKey,
    });

    expect(missing).toMatch(/^STRIPE_SECRET_KEY_FILE .*ENOENT/);
    expect(missing).not.toContain(liveKey);
    expect(others).toEqual([]);
    expect(mistakesOf({ STRIPE_SECRET_KEY_FILE: secretFile("\n") })).toEqual([
      "STRIPE_SECRET_KEY_FILE names an empty file; write the value into it.",
    ]);
  });

  test.each([
    ["DATABASE_URL", "mysql://u:open-sesame@host/db"],
    ["DATABASE_URL", "postgres://u:open-sesame#@host/db"],
    ["DATABASE_URL", "postgres://u:open-sesame/@host/db"],
    ["DATABASE_URL", "postgres://u:12?open-sesame@host/db"],
    ["DATABASE_URL", "postgres://u:12?x=open-sesame@host/db"],
    ["DATABASE_URL", "postgres://u:100%open-sesame@host/db"],
    ["DATABASE_URL", "postgres://u:open-sesame@host/db?sslmode=open-sesame&pass=open-sesame"],
    ["DATABASE_URL", "postgres://u:p@host/db?open-sesame=1@host/db"],
    ["REDIS_URL", "http://:open-sesame@cache"],
    ["REDIS_URL", "redis://:open-sesame@"],
    ["STRIPE_SECRET_KEY", "pk_live_open-sesame"],
    ["STRIPE_SECRET_KEY", "sk_live_open-sesame "],
    ["STRIPE_API_BASE", "http://u:open-sesame@127.0.0.1:1"],
    ["API_TOKENS", "operator:alice=open-sesame"],
    ["API_TOKENS", "open-sesame-and-open-sesame-and-open-sesame"],
    ["STRIPE_WEBHOOK_SECRETS", "open-sesame-and-open-sesame"],
    ["STRIPE_WEBHOOK_SECRETS", "whsec_open-sesame"],
  ])("of a mistaken %s are not in the message (%#)", (name, value) => {
    const mistakes = mistakesOf({ [name]: value });

    expect(mistakes.length).toBeGreaterThan(0);
    expect(mistakes.join("\n")).toContain(name);
    expect(mistakes.join("\n")).not.toContain("open-sesame");
  });
});

describe("the database's URL", () => {
  function optionsOf(url: string) {
    const { database } = readConfig({ DATABASE_URL: url });
    if (database.type !== "url") throw new Error("not a URL's configuration");
    const { password, ...rest } = database.options;
    return { ...rest, password: password.reveal() };
  }

  test("is percent-decoded, and has the defaults of PostgreSQL for what it leaves out", () => {
    expect(optionsOf("postgresql://k%C3%A4y:p%40%2F%3A%23@db/con%20tracts")).toEqual({
      host: "db",
      port: 5432,
      user: "käy",
      password: "p@/:#",
      database: "con tracts",
      tls: "disable",
    });
  });

  test("may name an IPv6 address, a socket folder, and TLS without verification", () => {
    expect(optionsOf("postgres://u@[::1]:5433/db").host).toBe("::1");
    expect(optionsOf("postgres://u@%2Fvar%2Frun%2Fpostgresql/db").host).toBe("/var/run/postgresql");
    expect(optionsOf("postgres://u@db/db?sslmode=require").tls).toBe("require");
    expect(optionsOf("postgres://u@db/db?sslmode=disable").tls).toBe("disable");
  });

  test.each([
    ["names no user", "postgres://db/contracts"],
    ["names no database", "postgres://u@db"],
    ["names no host", "postgres:///contracts"],
    ["names several hosts", "postgres://u@a,b/contracts"],
    ["names port 0", "postgres://u@a:0/contracts"],
    ['parameter "schema"', "postgres://u@db/contracts?schema=public"],
    ["sslmode that is not understood", "postgres://u@db/contracts?sslmode=prefer"],
    ["sslmode that is not understood", "postgres://u@db/contracts?sslmode=disable&sslmode=require"],
    ["% that is not", "postgres://u:100%@db/contracts"],
  ])("is refused when it %s", (complaint, url) => {
    expect(mistakesOf({ DATABASE_URL: url }).join("\n")).toContain(complaint);
  });
});

describe("what cannot be used", () => {
  test("is listed all at once, each with its variable", () => {
    const mistakes = mistakesOf({
      NODE_ENV: "prod",
      DATABASE_URL: "db.example.com",
      REDIS_URL: "cache",
      STRIPE_SECRET_KEY: "secret",
      STRIPE_API_BASE: "127.0.0.1:1",
      BUSINESS_TIME_ZONE: "Asia/Tokio",
      DAILY_RUN_AT: "3 am",
      HTTP_PORT: "70000",
      API_PORT: "-1",
      API_TOKENS: "alice",
      RELAY_PORT: "relay",
      STRIPE_WEBHOOK_SECRETS: "secret",
      STRIPE_ACCOUNT: "shop",
      SHUTDOWN_TIMEOUT: "soon",
      LOG_LEVEL: "loud",
      WORKER_CONCURRENCY: "0",
      DATABASE_POOL_SIZE: "-1",
      KEIYAKU_FAILPOINT: "before:ping:0:kill",
    });

    expect(mistakes.map((mistake) => mistake.slice(0, mistake.indexOf(" "))).toSorted()).toEqual(
      [
        "NODE_ENV",
        "DATABASE_URL",
        "REDIS_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_API_BASE",
        "BUSINESS_TIME_ZONE",
        "DAILY_RUN_AT",
        "HTTP_PORT",
        "API_PORT",
        "API_TOKENS",
        "RELAY_PORT",
        "STRIPE_WEBHOOK_SECRETS",
        "STRIPE_ACCOUNT",
        "SHUTDOWN_TIMEOUT",
        "LOG_LEVEL",
        "WORKER_CONCURRENCY",
        "DATABASE_POOL_SIZE",
        "KEIYAKU_FAILPOINT",
      ].toSorted(),
    );
    expect(mistakes.find((mistake) => mistake.startsWith("BUSINESS_TIME_ZONE"))).toBe(
      'BUSINESS_TIME_ZONE must be the name of an IANA time zone, such as Asia/Tokyo, and is "Asia/Tokio".',
    );
    expect(mistakes.find((mistake) => mistake.startsWith("DAILY_RUN_AT"))).toBe(
      'DAILY_RUN_AT must be a time of day of the form HH:MM, such as 03:00, and is "3 am".',
    );
    expect(new ConfigError(mistakes).message.split("\n")).toHaveLength(1 + mistakes.length);
  });

  test.each(["http://127.0.0.1:1/v1", "http://127.0.0.1:1/?a=b", "http://u:p@127.0.0.1:1", "ftp://127.0.0.1", "/v1"])(
    "a stand-in's address must be an origin: %s is refused",
    (STRIPE_API_BASE) => {
      expect(mistakesOf({ STRIPE_SECRET_KEY: testKey, STRIPE_API_BASE })).toEqual([
        "STRIPE_API_BASE must be an origin without a path, as in http://127.0.0.1:12111.",
      ]);
    },
  );

  test("a zone that is only an offset is refused", () => {
    expect(mistakesOf({ BUSINESS_TIME_ZONE: "+09:00" })).toHaveLength(1);
  });

  test.each(["1.5", "1e3", "0x10", " 8", "-0"])("a number written as %j is refused", (value) => {
    expect(mistakesOf({ HTTP_PORT: value })).toHaveLength(1);
  });
});

describe("settings that contradict each other", () => {
  const production = { NODE_ENV: "production", DATABASE_URL: databaseUrl, STRIPE_SECRET_KEY: liveKey };

  test("production needs a database and a key, and says why", () => {
    expect(mistakesOf({ NODE_ENV: "production" })).toEqual([
      "DATABASE_URL must be set when NODE_ENV is production: the embedded PostgreSQL that runs without it is for trying out.",
      "STRIPE_SECRET_KEY must be set when NODE_ENV is production: the stand-in that runs without it is for trying out.",
    ]);
  });

  test.each([
    [
      "no stand-in in production",
      { ...production, STRIPE_SECRET_KEY: testKey, STRIPE_API_BASE: "http://127.0.0.1:1" },
      /^STRIPE_API_BASE .*NODE_ENV/,
    ],
    [
      "no failpoint that the code does not pass",
      { KEIYAKU_FAILPOINT: "before:jounal_intent:1:kill" },
      /^KEIYAKU_FAILPOINT .*name/,
    ],
    [
      "no failpoint in production",
      { ...production, KEIYAKU_FAILPOINT: "before:ping:1:kill" },
      /^KEIYAKU_FAILPOINT .*NODE_ENV/,
    ],
    [
      "no live key for a stand-in",
      { DATABASE_URL: databaseUrl, STRIPE_SECRET_KEY: liveKey, STRIPE_API_BASE: "http://127.0.0.1:1" },
      /^STRIPE_SECRET_KEY .*STRIPE_API_BASE/,
    ],
    [
      "no live key beside the embedded database",
      { STRIPE_SECRET_KEY: "rk_live_abc" },
      /^STRIPE_SECRET_KEY .*DATABASE_URL/,
    ],
    ["no stand-in without a key", { STRIPE_API_BASE: "http://127.0.0.1:1" }, /^STRIPE_API_BASE .*STRIPE_SECRET_KEY/],
    [
      "no pool smaller than the concurrency and two",
      { WORKER_CONCURRENCY: "10", DATABASE_POOL_SIZE: "11" },
      /^DATABASE_POOL_SIZE .*12.*WORKER_CONCURRENCY/,
    ],
  ])("%s", (_, env, sentence) => {
    expect(mistakesOf(env)).toEqual([expect.stringMatching(sentence)]);
  });

  test("a live key beside a real database is good, and a pool of just the concurrency and two", () => {
    expect(mistakesOf(production)).toEqual([]);
    expect(mistakesOf({ DATABASE_URL: databaseUrl, STRIPE_SECRET_KEY: liveKey })).toEqual([]);
    expect(mistakesOf({ WORKER_CONCURRENCY: "10", DATABASE_POOL_SIZE: "12" })).toEqual([]);
  });

  const API_TOKENS = `operator:alice=${"a".repeat(32)}`;

  test.each([
    [{ HTTP_PORT: "8788" }, 8788],
    [{ API_PORT: "8787" }, 8787],
    [{ HTTP_PORT: "9000", API_PORT: "9000", HTTP_HOST: "0.0.0.0" }, 9000],
    [{ HTTP_PORT: "9000", API_PORT: "9000", API_HOST: "::" }, 9000],
    [{ HTTP_PORT: "9000", API_PORT: "9000", API_HOST: "localhost" }, 9000],
  ])("health and the API do not listen at one place: %j", (env, port) => {
    expect(mistakesOf({ API_TOKENS, ...env })).toEqual([
      `HTTP_PORT and API_PORT are both ${port}, and HTTP_HOST and API_HOST are not apart: set one of them to another port.`,
    ]);
  });

  test.each([
    { API_TOKENS, HTTP_PORT: "0", API_PORT: "0" },
    { API_TOKENS, HTTP_PORT: "9000", API_PORT: "9000", API_HOST: "192.0.2.1" },
    { API_TOKENS, HTTP_PORT: "9000", API_PORT: "9000", API_HOST: "127.0.0.2" },
    { HTTP_PORT: "9000", API_PORT: "9000" },
  ])("health and the API may have one port where that does no harm: %j", (env) => {
    expect(mistakesOf(env)).toEqual([]);
  });

  const STRIPE_WEBHOOK_SECRETS = `whsec_${"s".repeat(32)}`;

  test.each([
    [{ HTTP_PORT: "8789" }, "HTTP", "RELAY", 8789],
    [{ RELAY_PORT: "8788", API_TOKENS }, "API", "RELAY", 8788],
  ])("nor does the relay at the place of another: %j", (env, one, other, port) => {
    expect(mistakesOf({ STRIPE_WEBHOOK_SECRETS, ...env })).toEqual([
      `${one}_PORT and ${other}_PORT are both ${port}, and ${one}_HOST and ${other}_HOST are not apart: set one of them to another port.`,
    ]);
  });

  test("a relay that does not start takes nobody's port", () => {
    expect(mistakesOf({ HTTP_PORT: "8789" })).toEqual([]);
    expect(mistakesOf({ STRIPE_WEBHOOK_SECRETS, RELAY_PORT: "8788" })).toEqual([]);
    expect(mistakesOf({ STRIPE_WEBHOOK_SECRETS, API_TOKENS, RELAY_PORT: "8788", RELAY_HOST: "192.0.2.1" })).toEqual([]);
  });

  test("one mistake is not reported as another", () => {
    expect(mistakesOf({ API_TOKENS, HTTP_PORT: "8788", API_PORT: "many" })).toEqual([
      expect.stringMatching(/^API_PORT must be/),
    ]);
    expect(mistakesOf({ DATABASE_URL: "nonsense", STRIPE_SECRET_KEY: liveKey })).toEqual([
      expect.stringMatching(/^DATABASE_URL must begin/),
    ]);
    expect(mistakesOf({ WORKER_CONCURRENCY: "many", DATABASE_POOL_SIZE: "5" })).toEqual([
      expect.stringMatching(/^WORKER_CONCURRENCY/),
    ]);
  });
});
