import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { ConfigError } from "../config.ts";
import type { Observer } from "../execution/observer.ts";
import type { QueueTelemetry } from "../queue/queue-backend.ts";
import { type CallResult, type CallWatcher, resultOf } from "../stripe/watched-gateway.ts";
import { version } from "../version.ts";
import { createJobTelemetry } from "./job-telemetry.ts";
import { sampler } from "./sampler.ts";

/** Where traces go. */
export interface TracingTarget {
  /** The origin of a collector that takes OTLP over HTTP, as in `http://127.0.0.1:4318`; `/v1/traces` is added. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Traces of this process: one runs from whoever requested an operation to its end. */
export interface Tracing {
  /** For queues and workers: the trace travels with the job. */
  readonly telemetry: QueueTelemetry;
  readonly callWatcher: CallWatcher;
  readonly attempt: Observer["attempt"];
  /** Sends what is left, and ends. */
  stop(): Promise<void>;
}

const missing =
  "OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages that send traces are not installed: install keiyaku with its " +
  "optional dependencies (npm ci without --omit=optional), or remove OTEL_EXPORTER_OTLP_ENDPOINT.";

/**
 * Starts to trace. The SDK is loaded only here: a process without a collector never pays for it.
 *
 * A collector that is away costs spans and nothing else: they are sent in the background, and dropped when too many wait.
 */
export async function startTracing(target: TracingTarget, load: () => Promise<Sdk> = importSdk): Promise<Tracing> {
  const { sdk, exporter, resources } = await loadSdk(load);
  const provider = new sdk.NodeTracerProvider({
    resource: resources.resourceFromAttributes({ "service.name": "keiyaku", "service.version": version }),
    sampler,
    spanProcessors: [
      new sdk.BatchSpanProcessor(
        new exporter.OTLPTraceExporter({
          url: `${target.endpoint.replace(/\/+$/, "")}/v1/traces`,
          headers: { ...target.headers },
        }),
      ),
    ],
  });
  provider.register();
  return {
    telemetry: createJobTelemetry(),
    callWatcher: watchCall,
    attempt: traceAttempt,
    async stop() {
      await provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

/** The packages that are loaded only here. */
interface Sdk {
  readonly sdk: typeof import("@opentelemetry/sdk-trace-node");
  readonly exporter: typeof import("@opentelemetry/exporter-trace-otlp-http");
  readonly resources: typeof import("@opentelemetry/resources");
}

async function importSdk(): Promise<Sdk> {
  const [sdk, exporter, resources] = await Promise.all([
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  return { sdk, exporter, resources };
}

async function loadSdk(load: () => Promise<Sdk>): Promise<Sdk> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new ConfigError([missing]);
  }
}

/** Asked for anew each time: one that is kept goes on sending to whom it sent first. */
const tracer = () => trace.getTracer("keiyaku", version);

/** Results after which a span is marked as an error: nobody knows what happened, or nobody has explained it. */
const erroneous: readonly CallResult[] = [
  "unknown",
  "unexplained",
  "unauthorized",
  "forbidden",
  "unreachable",
  "error",
];

/** One span per request to Stripe: its verb and what became of it. No id, no amount. */
const watchCall: CallWatcher = (verb, work) =>
  tracer().startActiveSpan(`stripe ${verb}`, { kind: SpanKind.CLIENT }, async (span) => {
    let result: CallResult = "error";
    try {
      const reply = await work();
      result = resultOf(reply);
      return reply;
    } finally {
      span.setAttributes({ "keiyaku.stripe.verb": verb, "keiyaku.stripe.result": result });
      end(span, erroneous.includes(result) ? result : undefined);
    }
  });

/** One span per attempt: the operation's id and what was reported. */
const traceAttempt: Observer["attempt"] = (operationId, work) =>
  tracer().startActiveSpan("attempt", { attributes: { "keiyaku.operation.id": operationId } }, async (span) => {
    let ended = "unexpected_error";
    let isError = true;
    try {
      const report = await work();
      ended = report.type;
      isError = report.type === "retry" || report.type === "held";
      if (report.type === "deferred" || report.type === "retry") span.setAttribute("keiyaku.reason", report.reason);
      return report;
    } finally {
      span.setAttribute("keiyaku.report", ended);
      end(span, isError ? ended : undefined);
    }
  });

/** BullMQ leaves the status of a failed job's span unset, so ours say it. */
function end(span: Span, error: string | undefined): void {
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  span.end();
}
