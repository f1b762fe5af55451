import { readConfig } from "../../src/config.ts";
import { webhookPath } from "../../src/http/relay-server.ts";
import { migrate } from "../../src/store/migrate.ts";
import { eventTypes } from "../../src/stripe/events.ts";
import { startEmbeddedPostgres } from "../postgres/embedded-postgres.ts";
import { type StripeStandIn, startStripeStandIn } from "../stripe/stripe-stand-in.ts";
import { claimRedis } from "./claim-redis.ts";
import type { Closing } from "./closing.ts";
import type { DataFolder } from "./data-folder.ts";
import { demoSettings, isGiven, type ServerAddresses, webhookSecret, workerEnv } from "./env.ts";
import type { Narrator } from "./narrator.ts";
import type { DemoDay } from "./notation.ts";
import { type DemoContract, stripeSeed } from "./stripe.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker-process.ts";

/** Everything that the demo starts. */
export interface Servers extends ServerAddresses {
  readonly stripe: StripeStandIn;
  readonly worker: WorkerProcess;
  /** Ends that the stand-in sends the worker what happens there. */
  endReports(): Promise<void>;
}

export interface OpenOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: DataFolder;
  readonly contracts: readonly DemoContract[];
  readonly day: DemoDay;
  readonly narrator: Narrator;
  readonly closing: Closing;
  readonly signal: AbortSignal;
}

/** Starts PostgreSQL, the stand-in and the worker, in this order, and leaves to `closing` to stop them in the other. */
export async function openServers(options: OpenOptions): Promise<Servers> {
  const { env, folder, narrator, signal } = options;
  const databaseUrl = await narrator.tell(
    () => openDatabase(options),
    () => "PostgreSQL is up, its tables are made",
  );
  signal.throwIfAborted();
  const stripe = await narrator.tell(
    () => openStripe(options),
    ({ seeded }) => `Stripe's stand-in is up, with ${seeded}`,
  );
  signal.throwIfAborted();
  if (isGiven(env.REDIS_URL)) await options.closing.add(await claimRedis(env.REDIS_URL));
  const servers = { databaseUrl, stripe: stripe.standIn };
  // Read here too: what contradicts itself is better said by this process than by the worker's log.
  readConfig({ ...demoSettings(env, servers) });
  const { worker, relayPort } = await narrator.tell(
    async () => {
      const started = startWorkerProcess(workerEnv(env, servers), folder);
      await options.closing.add(() => started.stop());
      return { worker: started, ...(await started.ready) };
    },
    () => `A worker is up in a process of its own, its queue on ${isGiven(env.REDIS_URL) ? "Redis" : "PostgreSQL"}`,
  );
  signal.throwIfAborted();
  const endReports = await beginReports(servers.stripe, relayPort);
  await options.closing.add(endReports);
  return { ...servers, worker, endReports };
}

/** Seconds after which a delivery is tried again: a machine that is slow for a moment does not lose an hour by it. */
const retryAfterSeconds = [1, 2, 5, 10];

/** Has the stand-in send every event of ours to the worker's relay, signed, as an endpoint made at Stripe does. */
async function beginReports({ control }: StripeStandIn, relayPort: number): Promise<() => Promise<void>> {
  const { id } = await control.addWebhookEndpoint({
    url: `http://127.0.0.1:${relayPort}${webhookPath}`,
    secret: webhookSecret,
    enabledEvents: [...eventTypes],
    retryAfterSeconds,
  });
  let ended: Promise<void> | undefined;
  return () => (ended ??= control.removeWebhookEndpoint(id));
}

async function openDatabase({ folder, narrator, closing }: OpenOptions): Promise<string> {
  const server = await startEmbeddedPostgres({
    dataDir: folder.postgres,
    durable: false,
    onNotice: (sentence) => narrator.remark(sentence),
  });
  await closing.add(() => server.stop());
  await migrate({ databaseUrl: server.url });
  return server.url;
}

async function openStripe({ folder, contracts, day, closing }: OpenOptions) {
  const standIn = await startStripeStandIn({ stateFile: folder.stripe });
  await closing.add(() => standIn.stop());
  const seed = stripeSeed(contracts, day);
  const { subscriptions = [], paymentIntents = [] } = seed;
  await standIn.control.seed(seed);
  const seeded = `${subscriptions.length} subscriptions and ${paymentIntents.length} single payments`;
  return { standIn, seeded };
}
