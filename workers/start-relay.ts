import { startRelayServer, webhookPath } from "../src/http/relay-server.ts";
import { watchVersions } from "../src/inbox/watch-versions.ts";
import { Database } from "../src/store/database.ts";
import type { Role } from "./role.ts";

/** Connections of the relay's own, so that a burst of events takes none from others: its one statement takes milliseconds. */
const relayPoolSize = 5;

/**
 * Takes Stripe's webhooks over HTTP into the inbox. It needs the database alone: with the queue, with Stripe and with all
 * other roles away, what Stripe reports is still taken.
 */
export const relayRole: Role = {
  isWanted: ({ stripeEvents }) => stripeEvents.secrets.length > 0,
  refusal: ({ stripeEvents }) =>
    stripeEvents.secrets.length > 0
      ? undefined
      : "STRIPE_WEBHOOK_SECRETS is not set, so no webhook could be verified: set it to the signing secret of the endpoint at Stripe, whsec_… .",
  needsQueue: false,
  async start({ config, installation, clock, log, onStatement, watch, closing }) {
    const db = new Database({
      address: installation.address,
      poolSize: relayPoolSize,
      applicationName: "keiyaku-relay",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    closing.onClose(() => db.close(1_000));
    const server = await startRelayServer({
      ...config.relay,
      db,
      clock,
      log,
      expected: config.stripeEvents,
      delivered: (answer) => watch.eventArrived("relay", answer),
      verified: watchVersions(log, "relay", (version) => watch.eventVersion("relay", version)),
    });
    closing.onDrain(() => server.stop());
    const [secret] = config.stripeEvents.secrets;
    if (secret !== undefined) {
      await installation.stripe.sendEventsTo?.(`http://127.0.0.1:${server.port}${webhookPath}`, secret);
    }
    return { checks: {}, facts: { relay: server.port }, queues: [] };
  },
};
