import type { Queue } from "bullmq";
import { watchVersions } from "../src/inbox/watch-versions.ts";
import { within } from "../src/queue/enqueue.ts";
import { startSupervisedWorker } from "../src/queue/supervised-worker.ts";
import { Database } from "../src/store/database.ts";
import { createStripeGateway } from "../src/stripe/stripe-gateway.ts";
import { watchConnection } from "../src/stripe/watched-gateway.ts";
import { startBackFilling } from "./back-filling.ts";
import { startInbox } from "./inbox.ts";
import { openRoleQueue } from "./open-role-queue.ts";
import type { Role, RoleContext } from "./role.ts";
import { createStripeEventsProcessor } from "./stripe-events.ts";

/** One statement a delivery: a few at once fill the wire. */
const deliveryConcurrency = 4;

/** Events that are dealt with at once, and one connection for what stands between them. */
const inboxPoolSize = 5;

/** The back-fill's statements come one after the other. */
const backfillPoolSize = 1;

/**
 * Takes what Stripe reports and makes operations of it: the worker of the queue `stripe-events`, which other people's relays
 * write to, the back-fill of what never arrived, and the inbox, which is looked at whenever something has arrived by whatever way.
 */
export const eventsRole: Role = {
  isWanted: () => true,
  needsQueue: true,
  async start(context) {
    const { installation, clock, log, onStatement, watch, closing } = context;
    const db = new Database({
      address: installation.address,
      poolSize: deliveryConcurrency + inboxPoolSize + backfillPoolSize,
      applicationName: "keiyaku-events",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    closing.onClose(() => db.close(1_000));
    const queue = await openRoleQueue(context, "stripe-events");
    const { metadataKey } = context.config.stripeEvents;
    const inbox = startInbox({ db, clock, log, metadataKey, eventConcluded: watch.eventConcluded });
    // One that waits for the database is left behind: what it was at is still due.
    closing.onDrain(() => within(1_000, inbox.stop()));
    const unlisten = await db.listen("keiyaku_event", () => inbox.ring());
    closing.onClose(() => within(1_000, unlisten()));
    startListing(context, db);
    startDeliveries(context, db, queue);
    return { checks: { events: () => within(1_500, queue.getWaitingCount()) }, facts: {}, queues: [queue] };
  },
};

/** Starts to ask Stripe, every few minutes, what it has reported. */
function startListing({ config, installation, clock, log, watch, closing }: RoleContext, db: Database): void {
  const connection = createStripeGateway(installation.stripe);
  closing.onClose(async () => connection.close());
  const backFilling = startBackFilling({
    db,
    connection: watchConnection(connection, watch.callWatchers),
    clock,
    log,
    origin: config.stripeEvents,
    onTakenIn: watchVersions(log, "backfill", (version) => watch.eventVersion("backfill", version)),
    backfillEnded: watch.backfillEnded,
  });
  // One that waits for Stripe is left behind: nothing of it is lost, and the next one lists the same.
  closing.onDrain(() => within(1_000, backFilling.stop()));
}

/**
 * Starts the worker of the queue. Without secrets nothing could be verified, and what is lacking is lacking here and not in
 * what was sent: so deliveries are then left in the queue, for a process that has them.
 */
function startDeliveries(
  { config, installation, clock, log, watch, stopping, closing }: RoleContext,
  db: Database,
  queue: Queue,
): void {
  if (config.stripeEvents.secrets.length === 0) {
    log.info(
      { queue: queue.name },
      "STRIPE_WEBHOOK_SECRETS is not set: deliveries of Stripe's events in the queue wait for a process that has it",
    );
    return;
  }
  const worker = startSupervisedWorker({
    backend: installation.queue,
    name: "stripe-events",
    processor: createStripeEventsProcessor({
      db,
      clock,
      log,
      expected: config.stripeEvents,
      arrived: (answer) => watch.eventArrived("queue", answer),
      verified: watchVersions(log, "queue", (version) => watch.eventVersion("queue", version)),
      stopping,
    }),
    concurrency: deliveryConcurrency,
    queue,
    telemetry: watch.telemetry,
    log,
    clock,
  });
  closing.onDrain(() => worker.close(config.shutdownTimeoutMs));
}
