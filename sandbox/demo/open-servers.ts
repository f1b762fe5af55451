import { readConfig } from "../../src/config.ts";
import { migrate } from "../../src/store/migrate.ts";
import { startEmbeddedPostgres } from "../postgres/embedded-postgres.ts";
import { type StripeStandIn, startStripeStandIn } from "../stripe/stripe-stand-in.ts";
import { claimRedis } from "./claim-redis.ts";
import type { Closing } from "./closing.ts";
import type { DataFolder } from "./data-folder.ts";
import { demoSettings, isGiven, workerEnv } from "./env.ts";
import type { Narrator } from "./narrator.ts";
import type { DemoDay } from "./notation.ts";
import { type DemoContract, stripeSeed } from "./stripe.ts";
import { startWorkerProcess, type WorkerProcess } from "./worker-process.ts";

/** Everything that the demo starts. */
export interface Servers {
  readonly databaseUrl: string;
  readonly stripe: StripeStandIn;
  readonly worker: WorkerProcess;
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
  const worker = await narrator.tell(
    async () => {
      const started = startWorkerProcess(workerEnv(env, servers), folder);
      await options.closing.add(() => started.stop());
      await started.ready;
      return started;
    },
    () => `A worker is up in a process of its own, its queue on ${isGiven(env.REDIS_URL) ? "Redis" : "PostgreSQL"}`,
  );
  signal.throwIfAborted();
  return { ...servers, worker };
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
