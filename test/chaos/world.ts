import { eventTypes } from "../../src/stripe/events.ts";
import { webhookSecret } from "./canaries.ts";
import { type Crew, startCrew } from "./crew.ts";
import type { QueueType } from "./schedule.ts";
import { type Servers, startServers } from "./servers.ts";
import { createTime, type PassingTime } from "./time.ts";

/** Everything that a run starts: servers, processes, and the wires between them. */
export interface World {
  readonly queue: QueueType;
  readonly servers: Servers;
  readonly crew: Crew;
  readonly time: PassingTime;
  stop(): Promise<void>;
}

/** Seconds after which Stripe tries a delivery again: the relay is away for a moment at a time, never for hours. */
const retryAfterSeconds = [1, 1, 2, 2, 4, 4, 8, 8];

/** A start takes a second or two; four at once on a crowded machine take their time. */
const readyWithinMs = 60_000;

/** Opens a world in which today has had its daily run. */
export async function openWorld(queue: QueueType): Promise<World> {
  const servers = await startServers(queue);
  let crew: Crew | undefined;
  const stop = async () => {
    await crew?.stop();
    await servers.stop();
  };
  try {
    await servers.sql`insert into keiyaku.maintenance_runs (business_date, state, done_at, result)
      values ((now() at time zone 'Asia/Tokyo')::date, 'done', now(), '{}')`;
    crew = await startCrew(servers);
    await servers.stripe.control.addWebhookEndpoint({
      url: crew.webhookUrl,
      secret: webhookSecret,
      enabledEvents: [...eventTypes],
      retryAfterSeconds,
      timeoutMs: 3_000,
    });
    await crew.untilReady(readyWithinMs);
    return { queue, servers, crew, time: createTime(servers, crew), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
