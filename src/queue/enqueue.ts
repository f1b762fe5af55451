import type { JobsOptions } from "bullmq";
import type { OperationRequest } from "../contract/operation.ts";
import {
  type AttemptPayload,
  type Bell,
  bellJobId,
  type CatalogPayload,
  type CatalogPut,
  catalogJobId,
  catalogJobs,
  type Delivery,
  type DeliveryPayload,
  deliveryJobId,
  eventJobs,
  type MaintenancePayload,
  maintenanceJobs,
  operationJobs,
  payloadVersion,
  type RequestPayload,
  requestJobId,
} from "./payloads.ts";

/** A job as BullMQ's `addBulk` takes it. */
export interface PreparedJob<Payload> {
  readonly name: string;
  readonly data: Payload;
  readonly opts: JobsOptions;
}

/** How a job is kept that alone knows of what it carries. */
const untilItIsWritten = {
  // As many as an `integer` column of the queue on PostgreSQL holds: some 300 years of tries.
  attempts: 2_147_483_647,
  backoff: { type: "fixed", delay: 5_000, jitter: 0.5 },
  removeOnComplete: true,
  stackTraceLimit: 1,
  keepLogs: 0,
} as const satisfies JobsOptions;

/**
 * A request as a job. It is tried without end as long as it is not in the ledger, since nothing else knows of it; and it
 * leaves the queue as soon as it is there, since it may hold personal data.
 */
export function requestJob(request: OperationRequest): PreparedJob<RequestPayload> {
  return {
    name: operationJobs.request,
    data: { v: payloadVersion, request },
    opts: { ...untilItIsWritten, jobId: requestJobId(request) },
  };
}

/**
 * A product or a customer as a job. As a request, it is tried without end and leaves the queue when it is done; and, since
 * a customer is personal data, when it has failed for good too.
 */
export function catalogJob(put: CatalogPut): PreparedJob<CatalogPayload> {
  const [entry, data] =
    put.type === "product"
      ? [put.product, { v: payloadVersion, product: put.product } as const]
      : [put.customer, { v: payloadVersion, customer: put.customer } as const];
  return {
    name: catalogJobs[put.type],
    data,
    opts: { ...untilItIsWritten, jobId: catalogJobId(put.type, entry), removeOnFail: true },
  };
}

/** A delivery of Stripe's as a job. It speaks of customers: so it leaves the queue however it ends. */
export function deliveryJob(delivery: Delivery): PreparedJob<DeliveryPayload> {
  return {
    name: eventJobs.delivery,
    data: { v: payloadVersion, ...delivery },
    opts: { ...untilItIsWritten, jobId: deliveryJobId(delivery), removeOnFail: true },
  };
}

/** BullMQ takes jobs without a priority first: people come before the calendar. */
const calendarPriority = 10;

/**
 * A bell as a job. It is tried once: the sweep rings again for what stays silent. One for what the calendar has asked for
 * waits for all that people want.
 */
export function bellJob(bell: Bell, delayMs: number): PreparedJob<AttemptPayload> {
  return {
    name: operationJobs.attempt,
    data: { v: payloadVersion, operationId: bell.operationId },
    opts: {
      jobId: bellJobId(bell),
      attempts: 1,
      ...(delayMs > 0 ? { delay: delayMs } : {}),
      ...(bell.behindPeople === true ? { priority: calendarPriority } : {}),
      removeOnComplete: true,
      // A failed bell that is kept would swallow the next ring of the same number.
      removeOnFail: true,
      stackTraceLimit: 1,
      keepLogs: 0,
    },
  };
}

/** What the job scheduler rings with: look whether the calendar asks for anything. */
export const dailyBell: PreparedJob<MaintenancePayload> = {
  name: maintenanceJobs.dailyRun,
  data: { v: payloadVersion },
  opts: { attempts: 1, removeOnComplete: true, removeOnFail: true, stackTraceLimit: 1, keepLogs: 0 },
};

/** The answer took longer than the caller can wait; whether the work was done is not known. */
export class DeadlineMissed extends Error {
  override readonly name = "DeadlineMissed";
}

/** Waits for something at most so long. What is not waited for any longer may still happen. */
export async function within<T>(deadlineMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const missed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineMissed(`no answer within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([work, missed]);
  } finally {
    clearTimeout(timer);
  }
}
