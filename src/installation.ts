import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "./clock.ts";
import { type Config, ConfigError } from "./config.ts";
import { type DatabaseOptions as DatabaseAddress, parseDatabaseUrl } from "./database-url.ts";
import type { QueueBackend } from "./queue/queue-backend.ts";
import { Secret } from "./secret.ts";
import { isInUse } from "./store/is-in-use.ts";
import { Pace } from "./stripe/pace.ts";

/** Where everything is that a process of ours talks to, once the embedded default has filled in what was not set. */
export interface Installation {
  readonly address: DatabaseAddress;
  readonly queue: QueueBackend;
  readonly stripe: StripeServer & {
    /** The connected account that every request is for; null for the key's own. */
    readonly account: string | null;
    /** Of this process: whatever part of it asks Stripe, they take turns. */
    readonly pace: Pace;
  };
  /** Stops what {@link openInstallation} started or took over, and nothing else. */
  stop(): Promise<void>;
}

/** Stripe, or a stand-in for it, and the key for it. */
interface StripeServer {
  readonly secretKey: Secret;
  readonly apiBase?: string;
  /**
   * Has the stand-in of the embedded default send its events to this address alone, signed with this secret. There for that
   * one only: at Stripe, and at a stand-in that somebody has started, a person makes the endpoint.
   */
  readonly sendEventsTo?: (url: string, secret: Secret) => Promise<void>;
}

/** A server of the embedded default, as the sandbox starts it. */
interface EmbeddedServer {
  readonly url: string;
  stop(): Promise<void>;
}

interface EmbeddedDatabase extends EmbeddedServer {
  readonly started: boolean;
  end(): Promise<void>;
}

/**
 * Opens what the settings name, and starts the embedded PostgreSQL and the Stripe stand-in for what they leave out. Both say
 * so in one line. Several processes with one data folder share them; a PostgreSQL that a killed one has left behind, and
 * that nobody uses, is taken over.
 *
 * The stand-in is started only for those who call Stripe. Outside production only: the settings have seen to that.
 */
export async function openInstallation(
  config: Config,
  say: (sentence: string) => void,
  needs: { readonly stripe: boolean } = { stripe: true },
): Promise<Installation> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).toReversed()) await each();
  };
  try {
    const address = await openDatabase(config, say, stops);
    const queue: QueueBackend =
      config.queue.type === "redis" ? { type: "redis", url: config.queue.url.reveal() } : { type: "postgres", address };
    const server = needs.stripe ? await openStripe(config, say, stops) : { secretKey: new Secret("") };
    const stripe = {
      ...server,
      account: config.stripeEvents.account,
      pace: new Pace(config.stripe.limits, systemClock),
    };
    return { address, queue, stripe, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openDatabase(
  { database }: Config,
  say: (sentence: string) => void,
  stops: (() => Promise<void>)[],
): Promise<DatabaseAddress> {
  if (database.type === "url") return database.options;
  const { startEmbeddedPostgres } = await loadSandbox<{
    startEmbeddedPostgres: (options: {
      dataDir: string;
      durable: boolean;
      onNotice: (sentence: string) => void;
    }) => Promise<EmbeddedDatabase>;
  }>("../sandbox/postgres/embedded-postgres.ts", "DATABASE_URL");
  const notices: string[] = [];
  const onNotice = (sentence: string) => void notices.push(sentence);
  const server = await startEmbeddedPostgres({ dataDir: database.dataDir, durable: true, onNotice });
  const parsed = parseDatabaseUrl(server.url);
  if (parsed.type === "mistaken") throw new Error(`the embedded PostgreSQL's URL ${parsed.mistakes.join(" ")}`);
  const address = parsed.options;
  // One that runs and that nobody uses was left behind by a process that was killed: whoever finds it takes it over.
  const isOurs = server.started || !(await isInUse(address).catch(() => true));
  stops.push(async () => {
    // A worker that joined meanwhile keeps the server: the next start of anything finds and reuses it.
    if (isOurs && !(await isInUse(address).catch(() => false))) await server.end();
  });
  // Loaded here alone: it brings the queue and its driver along.
  const { migrate } = await import("./store/migrate.ts");
  await migrate({ address });
  if (isOurs) {
    if (server.started) for (const notice of notices) say(notice);
    say(`No DATABASE_URL: using the embedded PostgreSQL, data in ${database.dataDir}.`);
  }
  return address;
}

async function openStripe(
  { stripe }: Config,
  say: (sentence: string) => void,
  stops: (() => Promise<void>)[],
): Promise<StripeServer> {
  if (stripe.type !== "stand_in") {
    return { secretKey: stripe.secretKey, ...(stripe.apiBase === undefined ? {} : { apiBase: stripe.apiBase }) };
  }
  const { startStripeStandIn } = await loadSandbox<{
    startStripeStandIn: (options: {
      stateFile: string;
    }) => Promise<EmbeddedServer & { secretKey: string; identity: string }>;
  }>("../sandbox/stripe/stripe-stand-in.ts", "STRIPE_SECRET_KEY");
  await mkdir(stripe.stateDir, { recursive: true });
  const running = await findStandIn(stripe.stateDir);
  if (running !== undefined) return running;
  const server = await startStripeStandIn({ stateFile: join(stripe.stateDir, "state.ndjson") });
  const { url, secretKey, identity } = server;
  const addressFile = addressFileIn(stripe.stateDir);
  stops.push(async () => {
    await rm(addressFile, { force: true });
    await server.stop();
  });
  await writeFile(addressFile, JSON.stringify({ url, secretKey, identity }));
  say(`No STRIPE_SECRET_KEY: using the Stripe stand-in at ${url}, state in ${stripe.stateDir}. No money moves.`);
  return embeddedStripe(url, secretKey);
}

function embeddedStripe(url: string, secretKey: string): StripeServer {
  const ask = async (path: string, method: "GET" | "POST", argument?: object): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${secretKey}` },
      ...(argument === undefined ? {} : { body: JSON.stringify(argument) }),
    });
    if (!answer.ok) throw new Error(`the Stripe stand-in answered ${answer.status} to ${path}`);
    return answer.json();
  };
  return {
    secretKey: new Secret(secretKey),
    apiBase: url,
    async sendEventsTo(address, secret) {
      const { data } = (await ask("/v1/webhook_endpoints?limit=100", "GET")) as { data: readonly { id: string }[] };
      // What an endpoint of an earlier start has still to be told is found by the back-fill.
      for (const { id } of data) await ask("/_control/removeWebhookEndpoint", "POST", { endpoint: id });
      await ask("/_control/addWebhookEndpoint", "POST", { url: address, secret: secret.reveal() });
    },
  };
}

function addressFileIn(stateDir: string): string {
  return join(stateDir, "address.json");
}

/**
 * The stand-in that another process with the same folder has started, if it still answers. A port that it left, killed, may
 * be anybody's by now: only who says that it is this very stand-in gets its key.
 */
async function findStandIn(stateDir: string): Promise<StripeServer | undefined> {
  try {
    const { url, secretKey, identity } = JSON.parse(await readFile(addressFileIn(stateDir), "utf8"));
    const answer = await fetch(`${url}/_control/identity`, { signal: AbortSignal.timeout(1_000) });
    const told = (await answer.json()) as { readonly result?: unknown };
    if (!answer.ok || typeof identity !== "string" || told.result !== identity) return undefined;
    return embeddedStripe(url, secretKey);
  } catch {
    return undefined;
  }
}

/** Loads a part of the sandbox, which only a checkout has: an installed package is for production. */
async function loadSandbox<Module>(path: string, variable: string): Promise<Module> {
  try {
    return (await import(path)) as Module;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new ConfigError([`${variable} is not set, and this installation has no embedded default: set ${variable}.`]);
  }
}
