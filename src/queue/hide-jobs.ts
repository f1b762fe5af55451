import { catalogJobs, eventJobs, operationJobs } from "./payloads.ts";

const hidden = "(hidden)";
const jobNames: readonly unknown[] = [
  ...Object.values(operationJobs),
  ...Object.values(catalogJobs),
  ...Object.values(eventJobs),
];

/** Ids of our own jobs, and those that BullMQ gives by itself. A foreign producer may have made anything its job's id. */
const ourId = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{1,15})$/;

/** A code of ours, such as `unexpected_error`. */
const code = /^[a-z_]{1,40}$/;

const operationId = /^[A-Za-z0-9._-]{1,64}$/;

/** What an answer of the dashboard tells of jobs, made fit to be seen by whoever looks at queues. */
export function hideJobs(answer: unknown): unknown {
  if (!isRecord(answer)) return answer;
  const { queues, job } = answer;
  return {
    ...answer,
    ...(Array.isArray(queues) ? { queues: queues.map(hideJobsOfQueue) } : {}),
    ...(isRecord(job) ? { job: hideJob(job) } : {}),
  };
}

function hideJobsOfQueue(queue: unknown): unknown {
  if (!isRecord(queue)) return queue;
  const jobs = Array.isArray(queue.jobs) ? queue.jobs : [];
  return { ...queue, jobs: jobs.map((job: unknown) => (isRecord(job) ? hideJob(job) : {})) };
}

/**
 * A job by a fixed list of what is harmless: times, counts, its name if it is one of ours, and for a bell the operation
 * that it rings for. What it carries, its options, and words of errors stay hidden: a request holds what somebody entered.
 */
function hideJob(job: Record<string, unknown>): Record<string, unknown> {
  const { data, returnValue, name, id, failedReason, opts } = job;
  const isBell = name === operationJobs.attempt;
  return {
    id: typeof id === "string" && ourId.test(id) ? id : hidden,
    name: jobNames.includes(name) ? name : hidden,
    ...numbersOf(job, "timestamp", "processedOn", "finishedOn", "attempts", "delay", "priority", "attemptsStarted"),
    isFailed: job.isFailed === true,
    progress: 0,
    data: isBell && isRecord(data) ? idIn(data) : { hidden },
    returnValue: isRecord(returnValue) ? { ...codeIn(returnValue), ...idIn(returnValue) } : null,
    failedReason:
      typeof failedReason === "string" && failedReason !== "" ? (code.exec(failedReason)?.[0] ?? hidden) : "",
    stacktrace: [],
    opts: isRecord(opts) ? numbersOf(opts, "attempts", "delay", "priority") : {},
  };
}

function numbersOf(record: Record<string, unknown>, ...keys: readonly string[]): Record<string, number> {
  const numbers = keys.flatMap((key): [string, number][] => {
    const value = record[key];
    return typeof value === "number" ? [[key, value]] : [];
  });
  return Object.fromEntries(numbers);
}

function idIn(record: Record<string, unknown>): Record<string, string> {
  const id = record.operationId;
  return typeof id === "string" && operationId.test(id) ? { operationId: id } : {};
}

function codeIn(record: Record<string, unknown>): Record<string, string> {
  const { answer } = record;
  return typeof answer === "string" && code.test(answer) ? { answer } : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
