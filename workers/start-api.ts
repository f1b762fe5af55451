import { startApiServer } from "../src/http/api-server.ts";
import { Database } from "../src/store/database.ts";
import type { Role } from "./role.ts";

/**
 * Connections of the API's own, so that a flood of requests takes none from the operations: its statements take
 * milliseconds, and who waits for an operation holds none.
 */
const apiPoolSize = 5;

/** Answers producers and operators over HTTP. It needs the ledger only: the workers hear of what it accepts from there. */
export const apiRole: Role = {
  isWanted: ({ api }) => api.tokens.length > 0,
  refusal: ({ api }) =>
    api.tokens.length > 0
      ? undefined
      : "API_TOKENS is not set, so nobody could use the API: set it, as in API_TOKENS=service:shop=… .",
  needsQueue: false,
  async start({ config, installation, clock, log, onStatement, watch, stopping, onStop }) {
    const db = new Database({
      address: installation.address,
      poolSize: apiPoolSize,
      applicationName: "keiyaku-api",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    onStop(() => db.close(1_000));
    const server = await startApiServer({
      ...config.api,
      db,
      clock,
      log,
      zone: config.businessTimeZone,
      observer: watch.observer,
      parts: {},
      stopping,
    });
    onStop(() => server.stop());
    return { checks: {}, facts: { api: server.port } };
  },
};
