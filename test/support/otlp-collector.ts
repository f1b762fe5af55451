import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as a collector receives it, its attributes as a record. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** 2 for an error. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** A collector of traces on a port of its own: takes OTLP over HTTP in JSON, and keeps everything. */
export interface OtlpCollector {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Everything that came, as text: what no secret may be found in. */
  contents(): string;
  /** The headers of every export, in the order in which they came. */
  readonly headers: readonly Readonly<Record<string, unknown>>[];
  stop(): Promise<void>;
}

interface Wire {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly status?: { readonly code?: number };
        readonly attributes?: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
      }[];
    }[];
  }[];
}

export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      headers.push(request.headers);
      bodies.push(body);
      if (request.url === "/v1/traces") spans.push(...spansIn(JSON.parse(body) as Wire));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    contents: () => bodies.join("\n"),
    headers,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function spansIn({ resourceSpans }: Wire): ReceivedSpan[] {
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap((scope) => scope.spans)
    .map(({ traceId, spanId, parentSpanId = "", name, status, attributes = [] }) => ({
      traceId,
      spanId,
      parentSpanId,
      name,
      status: status?.code ?? 0,
      attributes: Object.fromEntries(
        attributes.map(({ key, value }) => [key, Object.values(value)[0] as string | number | boolean]),
      ),
    }));
}
