import type { Clock } from "../clock.ts";
import { InvalidRequest, Unauthorized, UnexpectedAnswer, Unreachable } from "./errors.ts";

/** As much of the standard `fetch` as is used. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly signal: AbortSignal;
  },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

export interface Api {
  readonly baseUrl: string;
  readonly token: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

export interface ApiCall {
  readonly method: "GET" | "POST";
  /** Below the base, each part encoded. */
  readonly path: string;
  readonly body?: object;
  /** How long the call may take, repetitions included. */
  readonly deadlineMs: number;
  /** Which request of several it is about, for errors. */
  readonly index?: number;
}

/** What was answered: 2xx, or one of the refusals that the caller knows what to make of. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Waits between repetitions: short for a lost connection, and not so short that a restart is hammered at. */
const firstDelayMs = 100;
const delayMsMax = 2_000;

/** Statuses with which a server, or what stands in front of it, says "later". */
const passing: readonly number[] = [429, 502, 503, 504];

/**
 * Calls the API, and again after a lost connection or a "later", until the deadline. All its calls may be repeated: a
 * request has its id, the others change nothing. 404, 409 and 410 are left to the caller; other refusals are thrown.
 */
export async function callApi(api: Api, call: ApiCall): Promise<ApiAnswer> {
  const { clock } = api;
  const untilMs = clock.monotonicMs() + call.deadlineMs;
  let why = "no answer";
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, delayMsMax)) {
    const leftMs = untilMs - clock.monotonicMs();
    const answer = leftMs > 0 ? await tryOnce(api, call, leftMs) : undefined;
    if (answer !== undefined && !passing.includes(answer.status)) return known(answer, call.index ?? 0);
    if (answer !== undefined) why = `it answered ${answer.status}`;
    const waitMs = Math.max(answer?.retryAfterMs ?? 0, delayMs * (0.75 + Math.random() / 2));
    if (clock.monotonicMs() + waitMs >= untilMs) {
      throw new Unreachable(`the API did not answer within ${call.deadlineMs} ms (${why}); send the same again`);
    }
    await clock.sleep(waitMs);
  }
}

interface Tried extends ApiAnswer {
  readonly retryAfterMs: number;
  readonly requestId: string | null;
}

/** One try; undefined when the connection failed or the answer is late. */
async function tryOnce({ baseUrl, token, fetch }: Api, call: ApiCall, withinMs: number): Promise<Tried | undefined> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), withinMs);
  try {
    const response = await fetch(`${baseUrl}${call.path}`, {
      method: call.method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json, application/problem+json",
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: giveUp.signal,
    });
    const text = await response.text();
    const { status, headers } = response;
    const retryAfterMs = Number(headers.get("retry-after") ?? 0) * 1_000 || 0;
    return { status, body: parse(text), retryAfterMs, requestId: headers.get("x-request-id") };
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON was not answered by the API.
    return undefined;
  }
}

const leftToTheCaller: readonly number[] = [404, 409, 410];

function known(answer: Tried, index: number): ApiAnswer {
  const { status, body, requestId } = answer;
  const problem = (typeof body === "object" && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  const code = textOf(problem.code) ?? "no code";
  if (status >= 200 && status < 300 && body !== undefined) return answer;
  if (leftToTheCaller.includes(status) && code !== "route_not_found" && code !== "no code") return answer;
  const detail = textOf(problem.detail) ?? "";
  if (status === 401) throw new Unauthorized("unauthorized", detail);
  if (code === "actor_not_allowed") throw new Unauthorized(code, detail);
  if (status === 413) throw new InvalidRequest(index, "request", "is too large");
  if (code === "invalid_request") {
    const field = textOf(problem.field) ?? "request";
    throw new InvalidRequest(index, field, detail.startsWith(`${field} `) ? detail.slice(field.length + 1) : detail);
  }
  throw new UnexpectedAnswer(status, code, requestId);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
