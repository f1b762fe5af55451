import { readdir } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { eventTypes } from "../../src/stripe/events.ts";
import { stripeKey } from "./canaries.ts";
import { type Crew, stripeLimits } from "./crew.ts";
import type { AtRest, SubscriptionSeen, Tables } from "./judge/evidence.ts";
import { wipeQueue } from "./wipe-queue.ts";
import type { World } from "./world.ts";

/** Per worker: ten of the operations, as many of events, and a few of each other role; and the queue's own. */
const connectionsPerProcess = 60;

/** How long the processes that were started anew are watched: longer than a start's own sweep, back-fill and looks take. */
const watchedMs = 6_000;

/** How many files each process of the crew has open; -1 where the machine does not tell. */
export async function countFiles({ workers, relay }: Crew): Promise<ReadonlyMap<string, number>> {
  const counted = [...workers, relay].map(async ({ name, process }): Promise<[string, number]> => {
    const files = await readdir(`/proc/${process.pid}/fd`).catch(() => undefined);
    return [name, files?.length ?? -1];
  });
  return new Map(await Promise.all(counted));
}

/** Looks at the world at rest, and disturbs the rest once: the queue loses everything, and all processes are started anew. */
export async function readRest(
  world: World,
  tables: Tables,
  filesBefore: ReadonlyMap<string, number>,
): Promise<AtRest> {
  const { servers, crew, time } = world;
  const { sql, stripe } = servers;
  const connections = await sql<{ name: string; state: string }[]>`
    select application_name as name, coalesce(state, '') as state from pg_stat_activity
    where application_name like 'keiyaku%'`;
  const filesAfter = await countFiles(crew);
  const files = [...filesBefore].map(([name, before]) => ({ name, before, after: filesAfter.get(name) ?? -1 }));
  const ids = tables.contracts.flatMap(({ stripe_subscription_id }) => stripe_subscription_id ?? []);
  const seen = await Promise.all(ids.map((id) => readSubscription(stripe.url, id)));
  const [dates] = await sql<{ first: string; last: string }[]>`
    select min(business_date)::text as first, (now() at time zone 'Asia/Tokyo')::date::text as last
    from keiyaku.maintenance_runs`;
  if (dates === undefined) throw new Error("the dates are one row");
  const eventIds = await readEventIds(stripe.url);

  const before = await digests(world);
  await wipeQueue(servers);
  await crew.deploy();
  await crew.untilReady(60_000);
  await time.leap(0);
  await time.sweep();
  await pause(watchedMs);
  const after = await digests(world);

  return {
    subscriptions: seen.flatMap((each) => each ?? []),
    eventIds,
    connections,
    connectionsMax: connectionsPerProcess * (crew.workers.length + 1),
    files,
    restart: { before, after },
    datesOwed: dates,
    limits: stripeLimits,
  };
}

/** What each table says, without when it was rung for and looked at, which are no facts. */
async function digests({ servers: { sql } }: World): Promise<Readonly<Record<string, string>>> {
  const unimportant = ["ring_at", "rings", "looks", "look_at", "state_reason"];
  const tables = [
    "contracts",
    "payments",
    "refunds",
    "licenses",
    "operations",
    "stripe_calls",
    "stripe_events",
    "notifications",
    "maintenance_runs",
    "tombstones",
    "erased_operations",
    "refused_requests",
    "products",
    "customers",
    "signups",
  ];
  const read = tables.map(async (table): Promise<[string, string]> => {
    const [row] = await sql<{ digest: string }[]>`
      select coalesce(md5(string_agg((to_jsonb(t) - ${unimportant}::text[])::text, ',' order by to_jsonb(t)::text)), '') as digest
      from keiyaku.${sql(table)} t`;
    return [table, row?.digest ?? ""];
  });
  return Object.fromEntries(await Promise.all(read));
}

const headers = { authorization: `Bearer ${stripeKey}` };

async function readSubscription(url: string, id: string): Promise<SubscriptionSeen | undefined> {
  const reply = await fetch(`${url}/v1/subscriptions/${id}`, { headers });
  if (!reply.ok) return undefined;
  const told = (await reply.json()) as { status: string; cancel_at_period_end: boolean; cancel_at: number | null };
  return { id, status: told.status, cancelAtPeriodEnd: told.cancel_at_period_end, cancelAt: told.cancel_at };
}

/** Every event of the types that are asked for, by Stripe's own list, page by page. */
async function readEventIds(url: string): Promise<readonly string[]> {
  const wanted = new Set<string>(eventTypes);
  const ids: string[] = [];
  for (let after = ""; ; ) {
    const reply = await fetch(`${url}/v1/events?limit=100${after === "" ? "" : `&starting_after=${after}`}`, {
      headers,
    });
    const page = (await reply.json()) as { data: { id: string; type: string }[]; has_more: boolean };
    ids.push(...page.data.filter(({ type }) => wanted.has(type)).map(({ id }) => id));
    after = page.data.at(-1)?.id ?? "";
    if (!page.has_more) return ids.reverse();
  }
}
