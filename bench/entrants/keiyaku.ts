import { pino } from "pino";
import { systemClock } from "../../src/clock.ts";
import { parseBusinessDate } from "../../src/contract/calendar.ts";
import { requestJob } from "../../src/queue/enqueue.ts";
import { openQueue, openWorker, type QueueBackend } from "../../src/queue/queue-backend.ts";
import { createQueueBells } from "../../src/queue/queue-bells.ts";
import { Database } from "../../src/store/database.ts";
import type { StripeGateway } from "../../src/stripe/gateway.ts";
import { createOperationsProcessor } from "../../workers/operations.ts";
import type { BenchServers } from "../servers.ts";
import type { BullSide } from "./bull-side.ts";

/** So many operations are at work at a time, at keiyaku's and at every peer's, each on a connection of its own. */
export const concurrency = 32;

/** keiyaku's whole way, as a worker with the role `operations` goes it: accept, admit, settle, look for the next. */
export async function openKeiyaku(
  { address }: Pick<BenchServers, "address">,
  backend: QueueBackend,
): Promise<BullSide> {
  const db = new Database({ address, poolSize: concurrency + 2, applicationName: "bench" });
  const queue = await openQueue(backend, "operations", 5_000);
  const log = pino({ level: "silent" });
  const processor = createOperationsProcessor({
    db,
    gateway: {} as StripeGateway,
    clock: systemClock,
    log,
    bells: createQueueBells(queue, log),
    business: {
      zone: "Asia/Tokyo",
      policy: { refundCutoffOn: parseBusinessDate("2018-08-04"), latePayment: "refund" },
    },
    brakes: { refundLimitMinor: null, refundLimitPerHourMinor: null },
    stopping: new AbortController().signal,
  });
  return {
    queue,
    jobOf: requestJob,
    openWorker: (atOnce = concurrency) => openWorker(backend, "operations", processor, { concurrency: atOnce }),
    close: () => db.close(),
  };
}
