import { startApiServer } from "../src/http/api-server.ts";
import { ledgerParts } from "../src/http/ledger-parts.ts";
import { Database } from "../src/store/database.ts";
import { createStripeGateway } from "../src/stripe/stripe-gateway.ts";
import { watchGateway } from "../src/stripe/watched-gateway.ts";
import type { Role } from "./role.ts";

/**
 * Connections of the API's own, so that a flood of requests takes none from the operations: its statements take
 * milliseconds, and who waits for an operation holds none.
 */
const apiPoolSize = 5;

/**
 * Answers producers and operators over HTTP. It needs the ledger, and Stripe for previews; the workers hear of what it
 * accepts from the ledger.
 */
export const apiRole: Role = {
  isWanted: ({ api }) => api.tokens.length > 0,
  refusal: ({ api }) =>
    api.tokens.length > 0
      ? undefined
      : "API_TOKENS is not set, so nobody could use the API: set it, as in API_TOKENS=service:shop=… .",
  needsQueue: false,
  async start({ config, installation, clock, log, onStatement, watch, stopping, closing }) {
    const db = new Database({
      address: installation.address,
      poolSize: apiPoolSize,
      applicationName: "keiyaku-api",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    closing.onClose(() => db.close(1_000));
    const connection = createStripeGateway(installation.stripe);
    closing.onClose(async () => connection.close());
    const gateway = watchGateway(connection, watch.callWatchers);
    const business = { zone: config.businessTimeZone, policy: config.moneyPolicy };
    const server = await startApiServer({
      ...config.api,
      db,
      clock,
      log,
      zone: config.businessTimeZone,
      observer: watch.observer,
      parts: ledgerParts({ db, gateway, clock, business }),
      stopping,
    });
    closing.onDrain(() => server.stop());
    return { checks: {}, facts: { api: server.port } };
  },
};
