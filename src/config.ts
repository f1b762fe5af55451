import { join, resolve } from "node:path";
import { type ApiToken, parseApiTokens } from "./api-tokens.ts";
import { parseBusinessDate } from "./contract/calendar.ts";
import type { Brakes, MoneyPolicy } from "./contract/operation.ts";
import { type DatabaseOptions, parseDatabaseUrl } from "./database-url.ts";
import { isFailpointName } from "./failpoint-names.ts";
import { type MailAddress, parseMailAddress } from "./mail-address.ts";
import { Secret } from "./secret.ts";
import { SettingsReader } from "./settings-reader.ts";
import { parseSmtpUrl, type SmtpOptions } from "./smtp-url.ts";
import type { RequestLimits } from "./stripe/pace.ts";
import type { ExpectedEvents } from "./stripe/verify-event.ts";

/** The secret settings: each may be given as `NAME`, or as `NAME_FILE` with the path of a file that holds it. */
const secretSettingNames = [
  "API_TOKENS",
  "DATABASE_URL",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "REDIS_URL",
  "SMTP_URL",
  "STRIPE_SECRET_KEY",
  "STRIPE_WEBHOOK_SECRETS",
] as const;

const plainSettingNames = [
  "API_HOST",
  "API_PORT",
  "BUSINESS_TIME_ZONE",
  "DAILY_RUN_AT",
  "DATABASE_POOL_SIZE",
  "HTTP_HOST",
  "HTTP_PORT",
  "KEIYAKU_DATA_DIR",
  "KEIYAKU_FAILPOINT",
  "LATE_PAYMENT",
  "LOG_LEVEL",
  "MAIL_FROM",
  "NODE_ENV",
  "OPERATOR_LOCALE",
  "OPERATOR_MAIL",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "QUEUE_DASHBOARD",
  "REFUND_CUTOFF_DATE",
  "REFUND_LIMIT",
  "REFUND_LIMIT_PER_HOUR",
  "RELAY_HOST",
  "RELAY_PORT",
  "SHUTDOWN_TIMEOUT",
  "STRIPE_ACCOUNT",
  "STRIPE_OWN_METADATA",
  "STRIPE_API_BASE",
  "STRIPE_LIMIT_SHARE",
  "STRIPE_REQUESTS_PER_ENDPOINT",
  "STRIPE_REQUESTS_PER_SECOND",
  "WORKER_CONCURRENCY",
] as const;

type SettingName = (typeof secretSettingNames)[number] | (typeof plainSettingNames)[number];

/** Every variable that {@link readConfig} reads. */
export const settingNames: readonly string[] = [
  ...plainSettingNames,
  ...secretSettingNames.flatMap((name) => [name, `${name}_FILE`]),
].toSorted();

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

type DatabaseConfig =
  | { readonly type: "url"; readonly url: Secret; readonly options: DatabaseOptions }
  /** The embedded PostgreSQL; its files lie in and beside `dataDir`. */
  | { readonly type: "embedded"; readonly dataDir: string };

type QueueConfig =
  | { readonly type: "redis"; readonly url: Secret }
  /** The same server and database as the data. */
  | { readonly type: "postgres" };

type StripeServerConfig =
  | { readonly type: "live" | "test"; readonly secretKey: Secret; readonly apiBase?: string }
  /** The stand-in that starts by itself and keeps its state in `stateDir`. */
  | { readonly type: "stand_in"; readonly stateDir: string };

type StripeConfig = StripeServerConfig & {
  /** What this process may use of what Stripe allows. */
  readonly limits: RequestLimits;
};

/** Where mail goes, from whom, and to which operators. */
export interface MailConfig {
  readonly transport:
    | { readonly type: "smtp"; readonly options: SmtpOptions }
    /** Files that nobody is sent; only for trying out. */
    | { readonly type: "folder"; readonly dir: string };
  readonly from: MailAddress;
  readonly operators: readonly MailAddress[];
  readonly operatorLocale: "ja" | "en";
}

interface TracingConfig {
  /** The origin of a collector that takes OTLP over HTTP. */
  readonly endpoint: string;
  /** Sent with every export: `name=value`, apart by commas, percent-encoded; undefined for none. */
  readonly headers: Secret | undefined;
}

const failpointActions = ["kill", "throw", "hang", "pause"] as const;

/** For tests: what to do when the process passes the named point (`*`: any) for the nth time, counted from 1. */
export interface FailpointConfig {
  readonly name: string;
  readonly nth: number;
  readonly action: (typeof failpointActions)[number];
  /** Whose passings count; null for everybody's. */
  readonly operationId: string | null;
}

/** What the environment says, read once and checked as a whole. Frozen; secrets in it print as `[secret]`. */
export interface Config {
  readonly mode: "production" | "development";
  readonly database: DatabaseConfig;
  readonly queue: QueueConfig;
  readonly stripe: StripeConfig;
  /** An IANA zone: the one in which instants become business dates. */
  readonly businessTimeZone: string;
  /** The time of day, `HH:MM` in that zone, at which what a date brings is asked for. */
  readonly dailyRunAt: string;
  readonly moneyPolicy: MoneyPolicy;
  readonly brakes: Brakes;
  readonly mail: MailConfig;
  /** Where health and readiness are told. */
  readonly http: { readonly host: string; readonly port: number };
  /** Whether the port of health also shows the queues, to be looked at only. */
  readonly queueDashboard: boolean;
  /** Where traces go; null for nowhere. */
  readonly tracing: TracingConfig | null;
  /** The HTTP API: where it answers, and whom. Without tokens there is none. */
  readonly api: { readonly host: string; readonly port: number; readonly tokens: readonly ApiToken[] };
  /** Where Stripe's webhooks are taken. Without secrets of theirs none are. */
  readonly relay: { readonly host: string; readonly port: number };
  /** Which events are ours, by whatever way they come. */
  readonly stripeEvents: ExpectedEvents & {
    /** The key in the metadata of every subscription and payment intent that is made for a contract; null where not all have one. */
    readonly metadataKey: string | null;
  };
  readonly shutdownTimeoutMs: number;
  readonly logLevel: LogLevel;
  readonly workerConcurrency: number;
  readonly databasePoolSize: number;
  readonly failpoints: readonly FailpointConfig[];
}

/** The environment contradicts itself or says something that is not understood. The message lists everything at once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** One sentence each, naming the variable and the remedy. */
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(`The settings cannot be used:\n${mistakes.map((mistake) => `- ${mistake}`).join("\n")}`);
    this.mistakes = mistakes;
  }
}

type Reader = SettingsReader<SettingName>;

/**
 * Reads the settings from the environment: the only place that does. Throws a {@link ConfigError} with every mistake.
 *
 * What it returns agrees with itself; whether the servers it names can be reached is found out by connecting.
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const reader: Reader = new SettingsReader(env);
  const nodeEnv = reader.oneOf("NODE_ENV", ["production", "development", "test"], "development");
  const mode = nodeEnv === "production" ? "production" : "development";
  const dataDir = resolve(reader.text("KEIYAKU_DATA_DIR") ?? ".keiyaku");
  const database = readDatabase(reader, mode, dataDir);
  const queue = readQueue(reader);
  const stripe = readStripe(reader, mode, dataDir);
  const stripeEvents = readStripeEvents(reader, stripe);
  const { http, api, relay } = readServers(reader, stripeEvents);
  const config: Config = {
    mode,
    database,
    queue,
    stripe,
    businessTimeZone: readZone(reader),
    dailyRunAt: readDailyRunAt(reader),
    moneyPolicy: readMoneyPolicy(reader),
    brakes: readBrakes(reader),
    mail: readMail(reader, dataDir),
    http,
    queueDashboard: readQueueDashboard(reader, mode, http.host),
    tracing: readTracing(reader),
    api,
    relay,
    stripeEvents,
    // Below the 30 s that Kubernetes waits before it kills, with 5 s left for the last connections to close.
    shutdownTimeoutMs: reader.integer("SHUTDOWN_TIMEOUT", { min: 1, max: 3600, byDefault: 25 }) * 1000,
    logLevel: reader.oneOf("LOG_LEVEL", logLevels, "info"),
    ...readSizes(reader),
    failpoints: readFailpoints(reader, mode),
  };
  if (reader.mistakes.length > 0) throw new ConfigError(reader.mistakes);
  const { mail, tracing } = config;
  for (const part of [database, queue, stripe, mail, http, api, relay, stripeEvents, tracing]) Object.freeze(part);
  return Object.freeze(config);
}

function readDatabase(reader: Reader, mode: Config["mode"], dataDir: string): DatabaseConfig {
  const embedded: DatabaseConfig = { type: "embedded", dataDir: join(dataDir, "postgres") };
  if (mode === "production" && !reader.isGiven("DATABASE_URL")) {
    reader.mistake(
      "DATABASE_URL must be set when NODE_ENV is production: the embedded PostgreSQL that runs without it is for trying out.",
    );
  }
  const url = reader.secret("DATABASE_URL");
  if (url === undefined) return embedded;
  const parsed = parseDatabaseUrl(url.reveal());
  if (parsed.type === "parsed") return { type: "url", url, options: parsed.options };
  for (const mistake of parsed.mistakes) reader.mistake(`DATABASE_URL ${mistake}`);
  return embedded;
}

function readQueue(reader: Reader): QueueConfig {
  const url = reader.secret("REDIS_URL");
  if (url === undefined) return { type: "postgres" };
  const text = url.reveal();
  if (!/^rediss?:\/\//.test(text)) {
    reader.mistake("REDIS_URL must begin with redis:// or rediss://, as in redis://host:6379.");
  } else if (!URL.canParse(text) || new URL(text).hostname === "") {
    reader.mistake("REDIS_URL cannot be read as a URL. Write it as redis://user:password@host:6379/0.");
  }
  return { type: "redis", url };
}

function readStripe(reader: Reader, mode: Config["mode"], dataDir: string): StripeConfig {
  const server = readStripeServer(reader, mode, dataDir);
  return { ...server, limits: readRequestLimits(reader, server) };
}

/**
 * What Stripe allows an account each second, by docs.stripe.com/rate-limits: 100 requests in live mode, 25 in a sandbox, and
 * 25 of one endpoint in both. A stand-in allows as many as it can answer.
 */
const requestsPerSecond = { live: 100, test: 25, standIn: Number.POSITIVE_INFINITY } as const;
const requestsPerEndpoint = { live: 25, test: 25, standIn: Number.POSITIVE_INFINITY } as const;

/** A fifth is left to whoever else asks under the account; several processes want their shares set. */
const limitShareByDefault = 80;

function readRequestLimits(reader: Reader, server: StripeServerConfig): RequestLimits {
  const allows = server.type === "stand_in" || server.apiBase !== undefined ? "standIn" : server.type;
  const share = reader.integer("STRIPE_LIMIT_SHARE", { min: 1, max: 100, byDefault: limitShareByDefault }) / 100;
  const read = (name: "STRIPE_REQUESTS_PER_SECOND" | "STRIPE_REQUESTS_PER_ENDPOINT", byDefault: number) =>
    reader.integer(name, { min: 1, max: 10_000, byDefault }) * share;
  return {
    perSecond: read("STRIPE_REQUESTS_PER_SECOND", requestsPerSecond[allows]),
    perEndpoint: read("STRIPE_REQUESTS_PER_ENDPOINT", requestsPerEndpoint[allows]),
  };
}

function readStripeServer(reader: Reader, mode: Config["mode"], dataDir: string): StripeServerConfig {
  const apiBase = readApiBase(reader);
  if (apiBase !== undefined && mode === "production") {
    reader.mistake(
      "STRIPE_API_BASE must not be set when NODE_ENV is production: it is for a stand-in that moves no money. Remove it.",
    );
  }
  if (!reader.isGiven("STRIPE_SECRET_KEY")) {
    if (mode === "production") {
      reader.mistake(
        "STRIPE_SECRET_KEY must be set when NODE_ENV is production: the stand-in that runs without it is for trying out.",
      );
    } else if (apiBase !== undefined) {
      reader.mistake(
        "STRIPE_API_BASE needs STRIPE_SECRET_KEY: set the key that the server there expects, or remove STRIPE_API_BASE.",
      );
    }
  }
  const standIn: StripeServerConfig = { type: "stand_in", stateDir: join(dataDir, "stripe") };
  const secretKey = reader.secret("STRIPE_SECRET_KEY");
  if (secretKey === undefined) return standIn;
  const keyMode = /^[sr]k_(?<mode>test|live)_\w+$/.exec(secretKey.reveal())?.groups?.mode;
  if (keyMode === undefined) {
    reader.mistake(
      "STRIPE_SECRET_KEY must begin with sk_test_, sk_live_, rk_test_ or rk_live_ and go on in letters and digits.",
    );
    return standIn;
  }
  if (keyMode === "live") checkLiveKey(reader, mode, apiBase);
  return {
    type: keyMode === "live" ? "live" : "test",
    secretKey,
    ...(apiBase === undefined ? {} : { apiBase }),
  };
}

/** A live key moves real money: it goes to Stripe alone, and only from where the database remembers what was done. */
function checkLiveKey(reader: Reader, mode: Config["mode"], apiBase: string | undefined): void {
  if (apiBase !== undefined) {
    reader.mistake(
      "STRIPE_SECRET_KEY is a live key, which STRIPE_API_BASE would give to a stand-in. Use a test key, or remove STRIPE_API_BASE.",
    );
  }
  if (mode !== "production" && !reader.isGiven("DATABASE_URL")) {
    reader.mistake(
      "STRIPE_SECRET_KEY is a live key, and the embedded PostgreSQL is no place to remember real payments. Set DATABASE_URL, or use a test key.",
    );
  }
}

/** The origin of a stand-in; Stripe's client cannot be given a path. */
function readApiBase(reader: Reader): string | undefined {
  const text = reader.text("STRIPE_API_BASE");
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (!isOrigin) reader.mistake("STRIPE_API_BASE must be an origin without a path, as in http://127.0.0.1:12111.");
  return isOrigin ? url.origin : text;
}

/** Stripe's own are longer. What is guessed here could end contracts. */
const webhookSecretPattern = /^whsec_[\w+/=-]{16,}$/;

/** While one secret is rolled there are two; more endpoints than that send to one installation rarely. */
const webhookSecretsMax = 10;

/** As Stripe allows a key of metadata, without what has a meaning in its forms (docs.stripe.com/api/metadata). */
const metadataKeyPattern = /^[^\s[\]]{1,40}$/;

function readStripeEvents(reader: Reader, { type }: StripeServerConfig): Config["stripeEvents"] {
  const text = reader.secret("STRIPE_WEBHOOK_SECRETS")?.reveal();
  const secrets = text === undefined ? [] : [...new Set(text.split(",").map((secret) => secret.trim()))];
  if (!secrets.every((secret) => webhookSecretPattern.test(secret))) {
    reader.mistake(
      "STRIPE_WEBHOOK_SECRETS must be the signing secrets of webhook endpoints, whsec_…, several apart by commas.",
    );
  } else if (secrets.length > webhookSecretsMax) {
    reader.mistake(
      `STRIPE_WEBHOOK_SECRETS has ${secrets.length} secrets: remove those that sign nothing any more, and keep at most ${webhookSecretsMax}.`,
    );
  }
  const account = reader.text("STRIPE_ACCOUNT") ?? null;
  if (account !== null && !/^acct_\w+$/.test(account)) {
    reader.mistake(`STRIPE_ACCOUNT must be the id of a connected account, acct_…, and is ${JSON.stringify(account)}.`);
  }
  const metadataKey = reader.text("STRIPE_OWN_METADATA") ?? null;
  if (metadataKey !== null && !metadataKeyPattern.test(metadataKey)) {
    reader.mistake(
      "STRIPE_OWN_METADATA must be a key of metadata at Stripe: at most 40 characters, no blanks or brackets.",
    );
  }
  return {
    secrets: Object.freeze(secrets.map((secret) => new Secret(secret))),
    livemode: type === "live",
    account,
    metadataKey,
  };
}

function readZone(reader: Reader): string {
  const zone = reader.text("BUSINESS_TIME_ZONE") ?? "Asia/Tokyo";
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    // An offset such as +09:00 is accepted by newer runtimes, and is no zone: it has no name and no summer time.
    if (!/^[+-]/.test(zone)) return zone;
  } catch {
    // Not a zone: said below.
  }
  reader.mistake(
    `BUSINESS_TIME_ZONE must be the name of an IANA time zone, such as Asia/Tokyo, and is ${JSON.stringify(zone)}.`,
  );
  return zone;
}

/** When nobody is at work, and the renewals that Stripe makes near midnight have been reported. */
const dailyRunAtByDefault = "03:00";

function readDailyRunAt(reader: Reader): string {
  const time = reader.text("DAILY_RUN_AT") ?? dailyRunAtByDefault;
  if (/^([01]\d|2[0-3]):[0-5]\d$/.test(time)) return time;
  reader.mistake(
    `DAILY_RUN_AT must be a time of day of the form HH:MM, such as 03:00, and is ${JSON.stringify(time)}.`,
  );
  return dailyRunAtByDefault;
}

/** The servers of a process, of which no two can listen at one and the same place. */
function readServers(
  reader: Reader,
  { secrets }: Config["stripeEvents"],
): { readonly http: Config["http"]; readonly api: Config["api"]; readonly relay: Config["relay"] } {
  const mistakesBefore = reader.mistakes.length;
  const http = readHttp(reader);
  const api = readApi(reader);
  const relay = {
    host: reader.text("RELAY_HOST") ?? "127.0.0.1",
    port: reader.integer("RELAY_PORT", { min: 0, max: 65_535, byDefault: 8789 }),
  };
  if (reader.mistakes.length > mistakesBefore) return { http, api, relay };
  const listening = [
    { name: "HTTP", ...http },
    ...(api.tokens.length > 0 ? [{ name: "API", ...api }] : []),
    ...(secrets.length > 0 ? [{ name: "RELAY", ...relay }] : []),
  ];
  for (const [index, one] of listening.entries()) {
    for (const other of listening.slice(index + 1)) {
      if (one.port !== other.port || one.port === 0 || !overlap(one.host, other.host)) continue;
      reader.mistake(
        `${one.name}_PORT and ${other.name}_PORT are both ${one.port}, and ${one.name}_HOST and ${other.name}_HOST are not apart: set one of them to another port.`,
      );
    }
  }
  return { http, api, relay };
}

/** Whether a port that is taken at one of these hosts may be taken at the other. Names are not looked up. */
function overlap(one: string, other: string): boolean {
  const isEverywhere = (host: string) => host === "0.0.0.0" || host === "::";
  const isThisMachine = one === "localhost" || other === "localhost";
  return (
    one === other ||
    isEverywhere(one) ||
    isEverywhere(other) ||
    (isThisMachine && loopback.test(one) && loopback.test(other))
  );
}

function readHttp(reader: Reader): Config["http"] {
  return {
    host: reader.text("HTTP_HOST") ?? "127.0.0.1",
    // 0 lets the system choose; the log tells which.
    port: reader.integer("HTTP_PORT", { min: 0, max: 65_535, byDefault: 8787 }),
  };
}

/** The addresses that only this machine can reach. */
const loopback = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/**
 * The dashboard has no login: whoever reaches the port sees it. In production that must be nobody but who is on the
 * machine already, or comes through a tunnel to it.
 */
function readQueueDashboard(reader: Reader, mode: Config["mode"], host: string): boolean {
  const isOn = reader.oneOf("QUEUE_DASHBOARD", ["true", "false"], "false") === "true";
  if (isOn && mode === "production" && !loopback.test(host)) {
    reader.mistake(
      `QUEUE_DASHBOARD must not be true in production while HTTP_HOST is ${JSON.stringify(host)}: it has no login. ` +
        "Set HTTP_HOST to 127.0.0.1 and reach it through a tunnel, or remove QUEUE_DASHBOARD.",
    );
  }
  return isOn;
}

function areHeaders(text: string): boolean {
  try {
    return /^[^=,\s]+=[^,\s]*(,[^=,\s]+=[^,\s]*)*$/.test(text) && decodeURIComponent(text) !== "";
  } catch {
    return false;
  }
}

function readTracing(reader: Reader): TracingConfig | null {
  const endpoint = reader.text("OTEL_EXPORTER_OTLP_ENDPOINT");
  const headers = reader.secret("OTEL_EXPORTER_OTLP_HEADERS");
  if (headers !== undefined && !areHeaders(headers.reveal())) {
    reader.mistake("OTEL_EXPORTER_OTLP_HEADERS must be name=value, several apart by commas, percent-encoded.");
  }
  if (endpoint === undefined) {
    if (headers !== undefined) {
      reader.mistake(
        "OTEL_EXPORTER_OTLP_HEADERS needs OTEL_EXPORTER_OTLP_ENDPOINT: set where the traces go, or remove the headers.",
      );
    }
    return null;
  }
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    reader.mistake("OTEL_EXPORTER_OTLP_ENDPOINT must be a URL of HTTP, as in http://127.0.0.1:4318.");
  } else if (new URL(endpoint).username !== "" || new URL(endpoint).password !== "") {
    reader.mistake(
      "OTEL_EXPORTER_OTLP_ENDPOINT must not hold a password: put it into OTEL_EXPORTER_OTLP_HEADERS, which is kept secret.",
    );
  }
  return { endpoint, headers };
}

function readApi(reader: Reader): Config["api"] {
  const text = reader.secret("API_TOKENS");
  const parsed = text === undefined ? { tokens: [], mistakes: [] } : parseApiTokens(text.reveal());
  for (const mistake of parsed.mistakes) reader.mistake(`API_TOKENS ${mistake}`);
  return {
    host: reader.text("API_HOST") ?? "127.0.0.1",
    port: reader.integer("API_PORT", { min: 0, max: 65_535, byDefault: 8788 }),
    tokens: Object.freeze(parsed.tokens),
  };
}

/** The day after which the platform that this comes from could refund at all: the help page names it. */
const refundCutoffByDefault = parseBusinessDate("2018-08-04");

function readMoneyPolicy(reader: Reader): MoneyPolicy {
  const latePayment = reader.oneOf("LATE_PAYMENT", ["refund", "keep"], "refund");
  const text = reader.text("REFUND_CUTOFF_DATE");
  if (text === undefined) return { refundCutoffOn: refundCutoffByDefault, latePayment };
  try {
    return { refundCutoffOn: parseBusinessDate(text), latePayment };
  } catch {
    reader.mistake(`REFUND_CUTOFF_DATE must be a date of the form YYYY-MM-DD, and is ${JSON.stringify(text)}.`);
    return { refundCutoffOn: refundCutoffByDefault, latePayment };
  }
}

/** More than any refund, as Stripe's largest amount has twelve digits: only catches slips of the hand. */
const refundLimitMax = 999_999_999_999;

function readBrakes(reader: Reader): Brakes {
  const limit = (name: "REFUND_LIMIT" | "REFUND_LIMIT_PER_HOUR") =>
    reader.text(name) === undefined ? null : reader.integer(name, { min: 1, max: refundLimitMax, byDefault: 1 });
  const mistakesBefore = reader.mistakes.length;
  const refundLimitMinor = limit("REFUND_LIMIT");
  const refundLimitPerHourMinor = limit("REFUND_LIMIT_PER_HOUR");
  const isLess =
    refundLimitMinor !== null && refundLimitPerHourMinor !== null && refundLimitPerHourMinor < refundLimitMinor;
  if (isLess && reader.mistakes.length === mistakesBefore) {
    reader.mistake(
      `REFUND_LIMIT_PER_HOUR (${refundLimitPerHourMinor}) must be at least REFUND_LIMIT (${refundLimitMinor}): otherwise a refund within the one would exceed the other.`,
    );
  }
  return { refundLimitMinor, refundLimitPerHourMinor };
}

/** Addresses of a reserved name, for the mails that only go to a folder. */
const nobody = { from: "keiyaku <keiyaku@localhost.invalid>", operators: "operators@localhost.invalid" };

function readMail(reader: Reader, dataDir: string): MailConfig {
  const url = reader.secret("SMTP_URL");
  const read = (name: "MAIL_FROM" | "OPERATOR_MAIL", what: string, separator?: string): readonly MailAddress[] => {
    const given = reader.text(name);
    if (given === undefined && url !== undefined) reader.mistake(`${name} must be set when SMTP_URL is: ${what}.`);
    const text = given ?? (name === "MAIL_FROM" ? nobody.from : nobody.operators);
    const addresses = (separator === undefined ? [text] : text.split(separator)).map(parseMailAddress);
    if (addresses.every((address) => address !== undefined)) return addresses;
    reader.mistake(`${name} must be ${what}, as in Keiyaku <keiyaku@example.com>; it cannot be read.`);
    return [];
  };
  const from = read("MAIL_FROM", "the address from which mail is sent");
  const operators = read("OPERATOR_MAIL", "the address of the operators, or several with commas between", ",");
  const operatorLocale = reader.oneOf("OPERATOR_LOCALE", ["ja", "en"], "ja");
  const rest = { from: from[0] ?? { name: "", address: "" }, operators: Object.freeze(operators), operatorLocale };
  const folder = { type: "folder", dir: join(dataDir, "mail") } as const;
  if (url === undefined) return { transport: folder, ...rest };
  const parsed = parseSmtpUrl(url.reveal());
  if (parsed.type === "parsed") return { transport: { type: "smtp", options: parsed.options }, ...rest };
  reader.mistake(`SMTP_URL ${parsed.mistake}`);
  return { transport: folder, ...rest };
}

/** Two connections beside one per operation at work: for the sweep and for the readiness probe, so that neither waits for operations. */
const sparePoolSize = 2;

function readSizes(reader: Reader): Pick<Config, "workerConcurrency" | "databasePoolSize"> {
  const mistakesBefore = reader.mistakes.length;
  // Eight use up what Stripe allows an endpoint each second, at a fifth of a second for each request; the maxima only catch slips of the hand.
  const workerConcurrency = reader.integer("WORKER_CONCURRENCY", { min: 1, max: 500, byDefault: 8 });
  const poolSizeMin = workerConcurrency + sparePoolSize;
  const databasePoolSize = reader.integer("DATABASE_POOL_SIZE", { min: 1, max: 1000, byDefault: poolSizeMin });
  if (reader.mistakes.length === mistakesBefore && databasePoolSize < poolSizeMin) {
    reader.mistake(
      `DATABASE_POOL_SIZE is ${databasePoolSize} and must be at least ${poolSizeMin}: ` +
        `WORKER_CONCURRENCY (${workerConcurrency}) and ${sparePoolSize} more. Raise it, or lower WORKER_CONCURRENCY.`,
    );
  }
  return { workerConcurrency, databasePoolSize };
}

function readFailpoints(reader: Reader, mode: Config["mode"]): readonly FailpointConfig[] {
  const text = reader.text("KEIYAKU_FAILPOINT");
  if (text === undefined) return Object.freeze([]);
  if (mode === "production") {
    reader.mistake(
      "KEIYAKU_FAILPOINT must not be set when NODE_ENV is production: it makes the process fail on purpose. Remove it.",
    );
    return Object.freeze([]);
  }
  const failpoints = text.split(",").map(parseFailpoint);
  if (!failpoints.every((failpoint) => failpoint !== undefined)) {
    reader.mistake(
      `KEIYAKU_FAILPOINT must be name:nth:action, or several with commas between, each perhaps with @ and an operation's id ` +
        `after it, with a name of src/failpoint-names.ts or *, and an action of ${failpointActions.join(", ")}, ` +
        `and is ${JSON.stringify(text)}.`,
    );
    return Object.freeze([]);
  }
  return Object.freeze(failpoints);
}

function parseFailpoint(text: string): FailpointConfig | undefined {
  const [, name, nth, actionText, operationId = null] =
    /^([\w.:*-]+):([1-9]\d{0,8}):(\w+)(?:@([\w.:-]+))?$/.exec(text) ?? [];
  const action = failpointActions.find((known) => known === actionText);
  if (name === undefined || action === undefined || !(name === "*" || isFailpointName(name))) return undefined;
  return Object.freeze({ name, nth: Number(nth), action, operationId });
}
