import { ROOT_CONTEXT } from "@opentelemetry/api";
import { BullMQOtel } from "bullmq-otel";
import { catalogJobs, eventJobs, operationJobs } from "../queue/payloads.ts";
import type { QueueTelemetry } from "../queue/queue-backend.ts";

type Tracer = QueueTelemetry["tracer"];
type Span = ReturnType<Tracer["startSpan"]>;
type Attributes = Parameters<Span["setAttributes"]>[0];

/** What a span may tell of a job. BullMQ would add its id, its options and its result, which a foreign producer chooses. */
const attributesTold: readonly string[] = [
  "bullmq.queue.name",
  "bullmq.queue.operation",
  "bullmq.job.attempts.made",
  "bullmq.job.bulk.count",
];

const jobNameKey = "bullmq.job.name";
const jobNames: readonly unknown[] = [
  ...Object.values(operationJobs),
  ...Object.values(catalogJobs),
  ...Object.values(eventJobs),
];

/**
 * Lets a trace travel with a job, as `bullmq-otel` does, telling less: what a producer of any kind may have written into
 * a job, its id and an unknown name among it, reaches no span.
 *
 * A job without a trace begins one. BullMQ would count it to whichever job the worker had done before.
 */
export function createJobTelemetry(): QueueTelemetry {
  const { tracer, contextManager } = new BullMQOtel({ tracerName: "keiyaku-queue" }) as QueueTelemetry;
  const withRoot = Object.assign(Object.create(contextManager) as typeof contextManager, { root: () => ROOT_CONTEXT });
  return {
    contextManager: withRoot,
    tracer: {
      startSpan(name, options, context) {
        const isConsumer = Number(options?.kind) === consumerKind;
        return discreet(tracer.startSpan(name, options, context ?? (isConsumer ? ROOT_CONTEXT : undefined)));
      },
    },
  };
}

/** OpenTelemetry's number for a span that takes work from a queue; BullMQ's is the same. */
const consumerKind = 4;

function discreet(span: Span): Span {
  const tell = (attributes: Attributes) => {
    const told = Object.entries(attributes).filter(
      ([key, value]) => attributesTold.includes(key) || (key === jobNameKey && jobNames.includes(value)),
    );
    span.setAttributes(Object.fromEntries(told));
  };
  return {
    setSpanOnContext: (context) => span.setSpanOnContext(context),
    setAttribute: (key, value) => tell({ [key]: value }),
    setAttributes: tell,
    addEvent: (name) => span.addEvent(name),
    // The message of an error may quote what it failed over.
    recordException: (exception) => span.addEvent("exception", { "exception.type": nameOf(exception) }),
    end: () => span.end(),
  };
}

function nameOf(exception: unknown): string {
  return exception instanceof Error ? exception.name : "unknown";
}
