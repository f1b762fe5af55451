import { type Context, isSpanContextValid, trace } from "@opentelemetry/api";

/** OpenTelemetry's numbers for what becomes of a span: dropped, or recorded and sent. */
const notRecorded = { decision: 0 } as const;
const recorded = { decision: 2 } as const;

/**
 * The spans that tell something: jobs added and taken, attempts, requests to Stripe, requests over HTTP. BullMQ makes
 * many more, for each look into an empty queue, each renewed lock and each check for stalled jobs.
 */
const telling = /^(add |addBulk |process |attempt$|stripe |http )/;

/** Whether a span of this name is worth sending. */
export function isTelling(name: string): boolean {
  return telling.test(name);
}

/**
 * Sends the spans that tell something. Whoever sent us the trace decides about it: what they do not record, we do not.
 * Otherwise each is recorded, since each is about money.
 */
export const sampler = {
  shouldSample(context: Context, _traceId: string, name: string) {
    if (!isTelling(name)) return notRecorded;
    const parent = trace.getSpanContext(context);
    const isLeftOut =
      parent !== undefined && isSpanContextValid(parent) && parent.isRemote === true && (parent.traceFlags & 1) === 0;
    return isLeftOut ? notRecorded : recorded;
  },
  toString: () => "keiyaku",
};
