import { Redis } from "ioredis";
import { pino } from "pino";
import { systemClock } from "../../src/clock.ts";
import { parseDatabaseUrl } from "../../src/database-url.ts";
import { closeQueue, openQueue, type QueueBackend } from "../../src/queue/queue-backend.ts";
import { Database } from "../../src/store/database.ts";
import { sweep } from "../../workers/maintenance.ts";

import { eventually } from "../support/eventually.ts";
import type { Crew } from "./crew.ts";
import type { Servers } from "./servers.ts";

/**
 * Time that passes at once for everybody, as if every machine had been suspended for so long. The workers' clocks leap ahead, and
 * what lies in the tables becomes so much older.
 */
export interface PassingTime {
  /**
   * Lets a minute and a half pass: whatever was at work may be taken over, whoever was about to call Stripe may not any more,
   * the locks of jobs are over, and what was put off for as long is due. Only what has been silent for `silentMs` becomes older; that is
   * what the clocks' leap makes true of it.
   */
  leap(silentMs: number): Promise<void>;
  /**
   * Lets a day and an hour pass: Stripe forgets its keys, and a call whose answer is unknown may be sent under its next one. Only for
   * calls that have been silent for `silentMs`.
   */
  passDay(silentMs: number): Promise<void>;
  /** Lets the calendar go on by a day: every run that was made becomes a day older, so that today's is owed. Rings for it. */
  nextDay(): Promise<void>;
  /** Rings for the daily run, as the queue's scheduler does at its time of day. */
  ringForDay(): Promise<void>;
  /** What every worker does each half minute, now. */
  sweep(): Promise<number>;
}

/**
 * A minute is what an attempt may be silent, and what a call may take until it is sent; the rest is how far a clock that was set back
 * in between (`faults/clock-skewed.ts`) may still hide of it.
 */
export const leapMs = 90_000;

/** Stripe remembers a key for 24 hours; an hour more is certain. */
const dayMs = 25 * 3_600_000;

/** A server that is killed is back within a few seconds. */
const leaptWithinMs = 10_000;

export function createTime(servers: Servers, crew: Pick<Crew, "workers">): PassingTime {
  const { sql, redis } = servers;
  const parsed = parseDatabaseUrl(servers.databaseUrl);
  if (parsed.type === "mistaken") throw new Error(parsed.mistakes.join(" "));
  const address = parsed.options;
  const backend: QueueBackend =
    redis === undefined ? { type: "postgres", address } : { type: "redis", url: `redis://127.0.0.1:${redis.port}` };

  async function withQueue<T>(
    name: "operations" | "maintenance",
    work: (queue: Awaited<ReturnType<typeof openQueue>>) => Promise<T>,
  ): Promise<T> {
    const queue = await openQueue(backend, name, 2_000);
    try {
      return await work(queue);
    } finally {
      await closeQueue(queue, 500);
    }
  }

  async function leapOnce(silentMs: number): Promise<void> {
    // In this order: what is written from here on is younger than the leap, and is left as it is. A permit that was given before is
    // over with the leap of its process's clock, whether or not its row is left behind.
    const [told] = await sql<{ at: Date }[]>`select clock_timestamp() - ${silentMs} * interval '1 millisecond' as at`;
    if (told === undefined) return;
    for (const { clock } of crew.workers) clock.set(clock.aheadMs + leapMs);
    const ago = sql`${leapMs} * interval '1 millisecond'`;
    await sql`update keiyaku.operations set touched_at = touched_at - ${ago}, ring_at = ring_at - ${ago},
        next_attempt_at = next_attempt_at - ${ago}
        where state in ('requested', 'executing') and coalesce(touched_at, accepted_at) <= ${told.at}`;
    await sql`update keiyaku.stripe_events set look_at = look_at - ${ago} where look_at is not null`;
    await sql`update keiyaku.notifications set next_attempt_at = next_attempt_at - ${ago}, claimed_at = claimed_at - ${ago}
        where state in ('waiting', 'claimed') and coalesce(claimed_at, created_at) <= ${told.at}`;
    await (redis === undefined ? expireOnPostgres(sql) : expireOnRedis(redis.port));
  }
  return {
    async leap(silentMs) {
      // Each try is a leap of its own: a server that is away for a moment makes two of one.
      await eventually(() => leapOnce(silentMs).then(() => true), {
        withinMs: leaptWithinMs,
        everyMs: 250,
        describe: "time to pass in the tables",
      });
    },
    async passDay(silentMs) {
      const [told] = await sql<{ at: Date }[]>`select clock_timestamp() - ${silentMs} * interval '1 millisecond' as at`;
      if (told === undefined) return;
      for (const { clock } of crew.workers) clock.set(clock.aheadMs + dayMs);
      const ago = sql`${dayMs} * interval '1 millisecond'`;
      await sql`update keiyaku.stripe_calls set first_sent_at = first_sent_at - ${ago}, last_sent_at = last_sent_at - ${ago}
        where answer is null and last_sent_at <= ${told.at}`;
      await sql`update keiyaku.operations set touched_at = touched_at - ${ago}, ring_at = ring_at - ${ago},
        next_attempt_at = next_attempt_at - ${ago}
        where state in ('requested', 'executing') and coalesce(touched_at, accepted_at) <= ${told.at}`;
      await servers.stripe.control.pruneKeys();
    },
    async nextDay() {
      // Far back and then forward, since no two runs may have the same date in between; both or neither.
      await sql.unsafe(`do $$ begin
        update keiyaku.maintenance_runs set business_date = business_date - 100000;
        update keiyaku.maintenance_runs set business_date = business_date + 99999;
      end $$`);
      await this.ringForDay();
    },
    async ringForDay() {
      await withQueue("maintenance", (queue) => queue.add("ring", {}, { removeOnComplete: true, removeOnFail: true }));
    },
    async sweep() {
      const db = new Database({ address, poolSize: 1, applicationName: "chaos" });
      try {
        return await withQueue("operations", (queue) =>
          sweep({ db, queue, clock: systemClock, log: pino({ level: "silent" }) }),
        );
      } finally {
        await db.close(500);
      }
    },
  };
}

/** The locks of all jobs at work are over, and the next look finds them. */
async function expireOnPostgres(sql: Servers["sql"]): Promise<void> {
  await sql`update bullmq.job set stalled_marked = true, locked_until_ms = 0 where state = 'active'`;
  await sql`delete from bullmq.meta where field = 'stalled-check'`;
}

async function expireOnRedis(port: number): Promise<void> {
  const client = new Redis({
    port,
    host: "127.0.0.1",
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    commandTimeout: 10_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    for (const name of ["operations", "stripe-events", "catalog", "maintenance"]) {
      const keyOf = (rest: string) => `{keiyaku-${name}}:${name}:${rest}`;
      for (const id of await client.lrange(keyOf("active"), 0, -1)) {
        await client.sadd(keyOf("stalled"), id);
        await client.del(keyOf(`${id}:lock`));
      }
      await client.del(keyOf("stalled-check"));
    }
  } finally {
    client.disconnect();
  }
}
