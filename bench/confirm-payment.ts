import type { QueueBackend } from "../src/queue/queue-backend.ts";
import { checkConfirmations, prepareConfirmations } from "./confirmations.ts";
import { bullEntrant } from "./entrants/bull-side.ts";
import { openBullmq } from "./entrants/bullmq.ts";
import type { Entrant } from "./entrants/entrant.ts";
import { openKeiyaku } from "./entrants/keiyaku.ts";
import type { Contest } from "./measure.ts";
import type { BenchServers } from "./servers.ts";

/**
 * Operations a second for `confirm_payment` of one-time contracts, waiting in the queue when the clock starts: keiyaku's
 * whole way (accept, admit, settle, ring) against a bare BullMQ worker whose handler runs one statement that writes the
 * same rows. Same server, same queue backend, same concurrency.
 */
export function confirmPayment(servers: BenchServers, backend: QueueBackend, operations: number): Contest {
  const keiyaku = bullEntrant("keiyaku", () => openKeiyaku(servers, backend));
  const bare = bullEntrant("bare", () => openBullmq(servers, backend));
  return {
    name: `confirm_payment.${backend.type}`,
    unit: "operations/s",
    ours: () => rateOf(servers, keiyaku, operations),
    baseline: () => rateOf(servers, bare, operations),
  };
}

/** Has an entrant confirm fresh payments, checks that it did, and answers how many it did a second. */
async function rateOf({ sql }: BenchServers, entrant: Entrant, operations: number): Promise<number> {
  const requests = await prepareConfirmations(sql, operations);
  const waiting = await entrant.enqueue(requests);
  const seconds = await waiting.drain();
  await waiting.close();
  await checkConfirmations(sql, requests);
  return operations / seconds;
}
