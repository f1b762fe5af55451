import { setTimeout as pause } from "node:timers/promises";
import { parseDatabaseUrl } from "../../src/database-url.ts";
import { Database } from "../../src/store/database.ts";
import { retryHeldOperation } from "../../src/store/decide-held-operation.ts";
import type { Court } from "./court.ts";
import type { Producers } from "./producers/producers.ts";
import { UncrowdedTime } from "./uncrowded-time.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

/** What of the work is still on its way. */
export interface Open {
  readonly operations: number;
  readonly held: number;
  readonly events: number;
  readonly mails: number;
  readonly deliveries: number;
  readonly dates: number;
  readonly unsent: number;
}

export interface Healing {
  /** Both as the wall clock and as {@link UncrowdedTime} counts. */
  readonly wallMs: number;
  readonly uncrowdedMs: number;
  /** Why it was given up; null when all settled. */
  readonly gaveUp: string | null;
  readonly open: Open;
  readonly shutdowns: readonly string[];
  readonly retried: number;
  /** How often a day had to pass. */
  readonly days: number;
}

/** Everything settles within a minute, of a machine that is not crowded. */
const settleWithinMs = 60_000;

/** The number of what is open has to shrink within half of that. */
const shrinkWithinMs = 30_000;

/** A start takes a second or two on an idle machine, and four at once on a crowded one take their time. */
const readyWithinMs = 120_000;

/** What must hold at any moment is sampled as often as in the hurting phase. */
const lookEveryMs = 1_000;

const quietLooks = 3;

/** Time passes for whatever waits: a minute and a half, as often as this. */
const leapEveryMs = 3_000;

/**
 * An error of Stripe's own that it keeps with the key is answered for a day, whatever becomes of Stripe: whoever got one waits that long
 * before the call is made under another key. So a day passes once nothing else is open, at the earliest after so long.
 */
const dayAfterMs = 5_000;

/** What has been silent for so long is at work nowhere, on whatever machine. */
const silentMs = 2_500;

/**
 * Ends every fault, starts all processes anew as a deployment does, and waits until everything has settled. People do what they
 * would: they let what is held be tried again, and send again what was lost.
 */
export async function heal(
  world: World,
  { producers, witness, court }: { readonly producers: Producers; readonly witness: Witness; readonly court: Court },
): Promise<Healing> {
  const { crew, time } = world;
  await endFaults(world);
  await crew.untilReady(readyWithinMs);
  const shutdowns = await crew.deploy();
  await crew.untilReady(readyWithinMs);
  const began = performance.now();
  const patience = new UncrowdedTime();
  let leastOpen = Number.POSITIVE_INFINITY;
  let shrankAtMs = 0;
  let leaptAt = performance.now();
  let lookedAt = 0;
  let quiet = 0;
  let retried = 0;
  let days = 0;
  for (;;) {
    const unsent = await producers.sendAgain();
    retried += await retryHeld(world);
    if (performance.now() - leaptAt > leapEveryMs) {
      leaptAt = performance.now();
      await time.leap(silentMs);
      await time.sweep();
      await time.ringForDay();
    }
    if (performance.now() - lookedAt > lookEveryMs) {
      lookedAt = performance.now();
      court.hearSafety(await witness.look());
    }
    const open = { ...(await countOpen(world)), unsent };
    const count = Object.values(open).reduce((sum, each) => sum + each, 0);
    const passedMs = patience.passedMs;
    if (passedMs > dayAfterMs * (days + 1) && count > 0 && (await onlyUnknownWait(world))) {
      days += 1;
      court.hearSafety(await witness.look());
      await time.passDay(silentMs);
    }
    const end = {
      wallMs: Math.round(performance.now() - began),
      uncrowdedMs: Math.round(passedMs),
      open,
      shutdowns,
      retried,
      days,
    };
    // Several times: what has just ended may have brought something about.
    quiet = count === 0 ? quiet + 1 : 0;
    if (quiet === quietLooks) return { gaveUp: null, ...end };
    if (count < leastOpen) {
      leastOpen = count;
      shrankAtMs = passedMs;
    }
    if (passedMs - shrankAtMs > shrinkWithinMs) {
      return { gaveUp: `nothing of what is open has ended for ${shrinkWithinMs / 1_000} s`, ...end };
    }
    if (passedMs > settleWithinMs) {
      return { gaveUp: `not everything has settled within ${settleWithinMs / 1_000} s`, ...end };
    }
    await pause(300);
  }
}

async function endFaults({ servers: { stripe, mail }, crew }: World): Promise<void> {
  await stripe.control.clearFaults();
  await stripe.control.releaseHeld();
  await stripe.control.releaseDeliveries();
  await mail.comeBack();
  for (const { database, redis, process } of [...crew.workers, crew.relay]) {
    await database.setMode("pass");
    await redis?.setMode("pass");
    process.kill("SIGCONT");
  }
}

/** A person looks at what is held, and lets it be tried again: the reason has gone away. */
async function retryHeld({ servers: { sql, databaseUrl } }: World): Promise<number> {
  const held = await sql<{ id: string; attempt: number }[]>`
    select id, attempt from keiyaku.operations where state = 'held'`;
  if (held.length === 0) return 0;
  const parsed = parseDatabaseUrl(databaseUrl);
  if (parsed.type === "mistaken") throw new Error(parsed.mistakes.join(" "));
  const db = new Database({ address: parsed.options, poolSize: 1, applicationName: "chaos" });
  try {
    for (const { id: operationId, attempt } of held) {
      const decision = { operatorId: "chaos", reason: "the outage is over" };
      await retryHeldOperation(db, { operationId, state: "held", attempt }, decision).catch(() => undefined);
    }
  } finally {
    await db.close(500);
  }
  return held.length;
}

/** Whether every operation that is open waits for the answer of a call that nobody knows. */
async function onlyUnknownWait({ servers: { sql } }: World): Promise<boolean> {
  const [row] = await sql<{ others: number; unknown: number }[]>`
    select count(*) filter (where wait_reason is distinct from 'result_unknown' and wait_reason is distinct from 'key_expiring'
        and exists (select from keiyaku.operations f where f.contract_id = o.contract_id and f.occupies and f.id <> o.id
          and f.wait_reason in ('result_unknown', 'key_expiring')) is false)::int as others,
      count(*) filter (where wait_reason in ('result_unknown', 'key_expiring'))::int as unknown
    from keiyaku.operations o where state in ('requested', 'executing')`;
  return row !== undefined && row.others === 0 && row.unknown > 0;
}

async function countOpen({ servers: { sql, stripe } }: World): Promise<Omit<Open, "unsent">> {
  const [row] = await sql<Omit<Open, "deliveries" | "unsent">[]>`
    select (select count(*)::int from keiyaku.operations where state in ('requested', 'executing')) as operations,
      (select count(*)::int from keiyaku.operations where state = 'held') as held,
      (select count(*)::int from keiyaku.stripe_events where state = 'received') as events,
      (select count(*)::int from keiyaku.notifications where state in ('waiting', 'claimed')) as mails,
      (select (now() at time zone 'Asia/Tokyo')::date - coalesce(max(business_date), 'epoch')::date
        from keiyaku.maintenance_runs where state = 'done') as dates`;
  if (row === undefined) throw new Error("a count is one row");
  const deliveries = (await stripe.control.deliveries()).filter(({ state }) => state === "waiting" || state === "held");
  return { ...row, deliveries: deliveries.length };
}
