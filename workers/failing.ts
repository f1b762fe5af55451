import type { Job, Processor } from "bullmq";
import type { Failpoints } from "../src/failpoint.ts";
import type { CallWatcher } from "../src/stripe/watched-gateway.ts";

/** Passes a failpoint before each request to Stripe, looks included, and one once its reply is here. */
export function failingCalls(failpoints: Failpoints): CallWatcher {
  return async (verb, work) => {
    await failpoints.pass(`before:stripe:${verb}`);
    const reply = await work();
    await failpoints.pass(`after:stripe:${verb}`);
    return reply;
  };
}

/** Counts what a job passes for the operation that it is about. */
export function failingJobs<Answer>(
  failpoints: Failpoints,
  processor: Processor<unknown, Answer>,
): Processor<unknown, Answer> {
  return (job, token, signal) => failpoints.during(operationIdOf(job), () => processor(job, token, signal));
}

function operationIdOf({ data }: Job<unknown>): string | undefined {
  const { operationId, request } = data as { operationId?: string; request?: { id?: string } };
  return operationId ?? request?.id;
}
