import type { Job, Queue, Worker } from "bullmq";
import type { OperationRequest } from "../../src/contract/operation.ts";
import { closeQueue } from "../../src/queue/queue-backend.ts";
import { addAll } from "../servers.ts";
import { timeUntilDone } from "../time-until-done.ts";
import type { Entrant } from "./entrant.ts";

/** A worker on BullMQ, keiyaku's own or a bare one, and what it is fed by. */
export interface BullSide {
  readonly queue: Queue;
  readonly jobOf: (request: OperationRequest) => Parameters<Queue["addBulk"]>[0][number];
  /** A worker with so many jobs at work; as many as everybody has unless told. */
  readonly openWorker: (atOnce?: number) => Worker;
  /** What belongs to the side beside its queue and its workers. */
  close(): Promise<void>;
}

/** Makes an entrant of what works on BullMQ. */
export function bullEntrant(name: string, open: () => Promise<BullSide>, atOnce?: number): Entrant {
  return {
    name,
    async enqueue(requests) {
      const side = await open();
      await addAll(side.queue, requests.map(side.jobOf));
      return {
        drain: () => timeUntilDone(requests.length, () => side.openWorker(atOnce)),
        async close() {
          await closeQueue(side.queue, 1_000);
          await side.close();
        },
      };
    },
  };
}

/** The request's id of a job of either side. */
export function requestIdOf(job: Job<{ readonly id?: string; readonly request?: OperationRequest }>): string {
  const id = job.data.request?.id ?? job.data.id;
  if (id === undefined) throw new Error(`the job ${job.name} carries no request`);
  return id;
}
