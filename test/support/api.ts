import { readFileSync } from "node:fs";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { type BodyName, bodies } from "../../scripts/openapi/bodies.ts";
import { examples } from "../../scripts/openapi/examples.ts";
import type { ApiToken } from "../../src/api-tokens.ts";
import { systemClock } from "../../src/clock.ts";
import type { ApiParts } from "../../src/http/api-parts.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../../src/http/api-server.ts";
import { Secret } from "../../src/secret.ts";
import { createExecutionBench, type ExecutionBench } from "./execution.ts";
import { silentLog } from "./test-database.ts";

export const operatorToken = "operator-alice-0123456789abcdefghij";
export const serviceToken = "service-shop-0123456789abcdefghijkl";
export const apiTokens: readonly ApiToken[] = [
  { actor: { type: "operator", id: "alice" }, token: new Secret(operatorToken) },
  { actor: { type: "service", id: "shop" }, token: new Secret(serviceToken) },
];

/** What an answer was, once it was found to be one that the OpenAPI document tells of. */
export interface ApiReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface AskOptions {
  readonly method?: string;
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An API on a database of the test's own. */
export interface ApiBench {
  readonly bench: ExecutionBench;
  readonly server: ApiServer;
  readonly url: string;
  readonly stopping: AbortController;
  /** Asks with the operator's token unless told, and holds the answer against the document. */
  readonly ask: (path: string, options?: AskOptions) => Promise<ApiReply>;
  close(): Promise<void>;
}

/** Parts that answer for themselves, for what the API itself makes of their answers. */
export const simpleParts: ApiParts = {
  preview: async (request) => ({ answer: "plan", body: { ...examples.plan, asked: request } }),
  buttons: async (contractId, actor) => ({ answer: "buttons", body: { ...examples.buttons, contractId, actor } }),
  putProduct: async () => ({ answer: "created", version: 1 }),
  putCustomer: async () => ({ answer: "updated", version: 2 }),
};

/** Starts an API that ends with the test. */
export async function setUpApi(options: Partial<ApiServerOptions> = {}): Promise<ApiBench> {
  const api = await createApi(options);
  onTestFinished(() => api.close());
  return api;
}

/** Starts an API for all tests of a suite, for those that leave nothing behind which another would trip over. */
export function shareApi(): () => ApiBench {
  let api: ApiBench | undefined;
  beforeAll(async () => {
    api = await createApi({});
  });
  afterAll(() => api?.close());
  return () => {
    if (api === undefined) throw new Error("The API is there within tests only.");
    return api;
  };
}

export async function createApi(options: Partial<ApiServerOptions>): Promise<ApiBench> {
  const bench = await createExecutionBench();
  const stopping = new AbortController();
  const serving = startApiServer({
    host: "127.0.0.1",
    port: 0,
    db: bench.db,
    clock: systemClock,
    log: silentLog,
    zone: "Asia/Tokyo",
    tokens: apiTokens,
    parts: simpleParts,
    stopping: stopping.signal,
    ...options,
  });
  const server = await serving.catch(async (error: unknown) => {
    await bench.close();
    throw error;
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    bench,
    server,
    url,
    stopping,
    ask: (path, asked) => ask(url, path, asked),
    async close() {
      await server.stop();
      await bench.close();
    },
  };
}

async function ask(url: string, path: string, options: AskOptions = {}): Promise<ApiReply> {
  const { method = "GET", token = operatorToken, body, headers = {} } = options;
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const reply = {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>,
  };
  checkAgainstDocument(method, path, reply, text);
  return reply;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedMethod>>>>;
}
interface DocumentedMethod {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, DocumentedContent>> }>>;
}
interface DocumentedContent {
  readonly schema: { readonly $ref: string };
}

const document = JSON.parse(readFileSync(new URL("../../schemas/openapi.json", import.meta.url), "utf8")) as Document;

/** Refusals that the document tells of every path at once, in its introduction. */
const toldOnce: readonly unknown[] = ["route_not_found", "method_not_allowed"];

/** Throws unless the document has this answer, of this type and form, and it carries what every answer carries. */
export function checkAgainstDocument(method: string, path: string, reply: ApiReply, text: string): void {
  const what = `${method} ${path} → ${reply.status} ${text.slice(0, 300)}`;
  if (!/^[0-9a-f-]{36}$/.test(reply.headers.get("x-request-id") ?? "")) throw new Error(`${what} has no x-request-id`);
  if (method === "OPTIONS" && reply.status === 204) return;
  const type = reply.headers.get("content-type") ?? "";
  if (method === "HEAD") {
    if (text !== "" || !type.includes("json")) throw new Error(`${what} is no answer to HEAD`);
    return;
  }
  const problem = bodies.Problem.safeParse(reply.body);
  if (problem.success && problem.data.requestId !== reply.headers.get("x-request-id"))
    throw new Error(`${what} disagrees on its id`);
  // Whoever has no token learns nothing about paths.
  if (problem.success && (reply.status === 401 || toldOnce.includes(problem.data.code))) return;
  const template = path.split("?")[0]?.replace(/^\/(operations|contracts|products|customers)\/[^/]+/, "/$1/{id}") ?? "";
  const documented = document.paths[template]?.[method.toLowerCase()]?.responses[String(reply.status)];
  if (documented === undefined) throw new Error(`${what} is not in the document`);
  const content = documented.content?.[type];
  if (content === undefined) throw new Error(`${what} has the undocumented type ${type}`);
  const name = content.schema.$ref.split("/").at(-1) as BodyName;
  const checked = bodies[name].safeParse(reply.body);
  if (!checked.success) throw new Error(`${what} is no ${name}: ${checked.error.message}`);
}
