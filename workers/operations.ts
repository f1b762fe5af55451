import type { Job, Processor } from "bullmq";
import type { ExecutionDeps } from "../src/execution/deps.ts";
import { executeOperation } from "../src/execution/execute-operation.ts";
import type { AttemptReport } from "../src/execution/outcome.ts";
import { createSettleAtOnce, type SettledAtOnce } from "../src/execution/settle-at-once.ts";
import { attemptPayloadSchema, operationJobs } from "../src/queue/payloads.ts";
import { type ReadPayload, readRequestPayload, unreadable } from "../src/queue/read-payload.ts";
import { acceptAndView, refuseUnreadable } from "../src/store/accept-request.ts";
import type { OperationView } from "../src/store/read-operation.ts";
import { StoreError } from "../src/store/store-error.ts";
import type { Unreadable } from "../src/store/unreadable.ts";
import { isAboutContent, writeInHand } from "./in-hand.ts";

/** What a job leaves behind: codes and ids of ours, never text from outside (a NUL in it would undo the job). */
export interface JobAnswer {
  readonly answer: string;
  readonly operationId?: string;
}

/**
 * Takes the jobs of the queue `operations`: a whole request is first written into the ledger, a bell names an operation
 * that is there already; either is then carried out as far as it will go.
 *
 * The job ends in success whatever became of the operation, since the ledger, not the queue, says what happens next. Only
 * a request that could not be written down stays in the queue.
 */
export function createOperationsProcessor(deps: ExecutionDeps): Processor<unknown, JobAnswer> {
  const settleAtOnce = createSettleAtOnce(deps);
  /** What this process is at work on, and whether a bell rang for it meanwhile. */
  const atWork = new Map<string, { rungAgain: boolean }>();

  async function execute(
    operationId: string,
    signal: AbortSignal | undefined,
    view?: OperationView,
  ): Promise<JobAnswer> {
    // BullMQ may hand this process its own job a second time after a pause of the event loop.
    const earlier = atWork.get(operationId);
    if (earlier !== undefined) {
      earlier.rungAgain = true;
      return { answer: "already_executing", operationId };
    }
    const work = { rungAgain: false };
    atWork.set(operationId, work);
    try {
      const stopping = signal === undefined ? deps.stopping : AbortSignal.any([deps.stopping, signal]);
      let report = await attempt({ ...deps, stopping }, operationId, view);
      while (work.rungAgain && report.type === "deferred" && report.reason === "not_its_turn") {
        work.rungAgain = false;
        report = await attempt({ ...deps, stopping }, operationId);
      }
      return { answer: report.type === "deferred" ? report.reason : report.type, operationId };
    } finally {
      atWork.delete(operationId);
    }
  }

  /** One attempt, and whoever watches told of it. One that the database cut short is put off, by nobody's decision. */
  function attempt(attemptDeps: ExecutionDeps, operationId: string, view?: OperationView): Promise<AttemptReport> {
    const work = async (): Promise<AttemptReport> => {
      try {
        return await executeOperation(attemptDeps, operationId, view);
      } catch (error) {
        if (!(error instanceof StoreError)) throw sanitised(error, operationId);
        deps.log.warn({ err: error, operationId }, "an attempt was cut short; the sweep takes it up");
        return { type: "deferred", reason: "database_unreachable", delayMs: null };
      }
    };
    return deps.observer === undefined ? work() : deps.observer.attempt(operationId, work);
  }

  /** What a request has become that nothing stood in the way of, watched as an attempt is. */
  async function settledAtOnce(job: Job<unknown>, read: ReadPayload): Promise<SettledAtOnce | undefined> {
    if (read.type === "unreadable") return undefined;
    const settled = await settleAtOnce({ request: read.request, queuedAtMs: queuedAtMs(deps, job) });
    if (settled === undefined) return undefined;
    deps.observer?.requestAnswered("queue", "accepted", settled.kind);
    await deps.observer?.attempt(settled.id, () => Promise.resolve({ type: "succeeded" }));
    return settled;
  }

  /** BullMQ keeps a thrown error's message: only a code of ours may be in it. */
  function sanitised(error: unknown, operationId: string): Error {
    deps.log.error({ err: error, operationId }, "an attempt failed in a way that nobody expected");
    return new Error("unexpected_error");
  }

  return async (job, token, signal) => {
    if (job.name === operationJobs.attempt) {
      const payload = attemptPayloadSchema.safeParse(job.data);
      return payload.success ? execute(payload.data.operationId, signal) : { answer: "invalid_request" };
    }
    const read = readJob(job);
    const settled = await settledAtOnce(job, read);
    if (settled !== undefined) return { answer: "succeeded", operationId: settled.id };
    const { acceptance, view } = await writeInHand(deps, job, token, () => accept(deps, job, read));
    const kind = "operation" in acceptance ? acceptance.operation.kind : null;
    deps.observer?.requestAnswered("queue", acceptance.answer, kind);
    if ("operation" in acceptance) return execute(acceptance.operation.id, signal, view);
    deps.log.warn({ answer: acceptance.answer, field: acceptance.field }, "a request was refused");
    return { answer: acceptance.answer };
  };
}

type Accepted = Awaited<ReturnType<typeof acceptAndView>>;

async function accept(deps: ExecutionDeps, job: Job<unknown>, read: ReadPayload): Promise<Accepted> {
  if (read.type === "unreadable") return refuse(deps, read.unreadable);
  try {
    return await acceptAndView(deps.db, read.request, queuedAtMs(deps, job));
  } catch (error) {
    if (!isAboutContent(error)) throw error;
    return refuse(deps, unreadable(job.data, "request", `cannot be stored (${error.code})`));
  }
}

async function refuse({ db }: ExecutionDeps, refused: Unreadable): Promise<Accepted> {
  return { acceptance: await refuseUnreadable(db, refused), view: undefined };
}

/** As far back as the ledger lets a request lie. */
const queuedAgoMsMax = 31 * 24 * 3_600_000;

/**
 * When the queue took the job, which decides the business date of the request. Its producer may have written anything
 * there, such as seconds or microseconds: what cannot be is taken as now.
 */
function queuedAtMs({ clock }: ExecutionDeps, { timestamp }: Job<unknown>): number {
  const nowMs = clock.nowMs();
  return timestamp <= nowMs && timestamp >= nowMs - queuedAgoMsMax ? timestamp : nowMs;
}

function readJob({ name, data }: Job<unknown>): ReadPayload {
  if (name === operationJobs.request) return readRequestPayload(data);
  const problem = `must be ${operationJobs.request} or ${operationJobs.attempt}`;
  return { type: "unreadable", unreadable: unreadable(data, "job name", problem) };
}
