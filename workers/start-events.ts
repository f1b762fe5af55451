import { within } from "../src/queue/enqueue.ts";
import { Database } from "../src/store/database.ts";
import { startInbox } from "./inbox.ts";
import type { Role } from "./role.ts";

/** Events that are dealt with at once, and one connection for what stands between them. */
const poolSize = 5;

/** Makes operations of what Stripe reports: looks at the inbox whenever something has arrived. */
export const eventsRole: Role = {
  isWanted: () => true,
  needsQueue: false,
  async start({ installation, clock, log, onStatement, watch, closing }) {
    const db = new Database({
      address: installation.address,
      poolSize,
      applicationName: "keiyaku-events",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    closing.onClose(() => db.close(1_000));
    const inbox = startInbox({ db, clock, log, eventConcluded: watch.eventConcluded });
    // One that waits for the database is left behind: what it was at is still due.
    closing.onDrain(() => within(1_000, inbox.stop()));
    const unlisten = await db.listen("keiyaku_event", () => inbox.ring());
    closing.onClose(() => within(1_000, unlisten()));
    return { checks: {}, facts: {} };
  },
};
