import { type Clock, systemClock } from "../clock.ts";
import type { OperationKind } from "../contract/operation.ts";
import {
  type Acceptance,
  type ContractButtons,
  type ContractHistory,
  type Operation,
  type Outcome,
  outcomeOf,
  type Plan,
} from "./answers.ts";
import { type Api, type ApiAnswer, callApi, type Fetch } from "./api-call.ts";
import { IdReused, NotConcludedYet, UnexpectedAnswer } from "./errors.ts";
import { checkRequest, type TypedRequest } from "./typed-request.ts";

export interface HttpClientOptions {
  /** Where the API answers, with or without a path: `https://keiyaku.example.com`. */
  readonly baseUrl: string;
  /** One of the API's `API_TOKENS`. */
  readonly token: string;
  /** Node's own, unless told. */
  readonly fetch?: Fetch;
  /** How long a call may take, repetitions included, before it fails with {@link Unreachable}; 10 s unless told. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** A request over HTTP: the actor may be left out, and is then the token's. */
export type HttpRequest<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: Omit<TypedRequest<K>, "actor"> & Partial<Pick<TypedRequest<K>, "actor">>;
}[Kind];

/** Requests operations over HTTP and tells what became of them. Safe for concurrent use; there is nothing to close. */
export interface HttpClient {
  /** Has the ledger accept one request. Repeating it is safe: the same id with the same content is the same operation. */
  request<Kind extends OperationKind>(request: HttpRequest<Kind>): Promise<Acceptance>;
  /**
   * Has many accepted, one after the other in the order given. All are checked before the first is sent. After a failure
   * those before it are accepted: send all again.
   */
  requestMany(requests: readonly HttpRequest[]): Promise<readonly Acceptance[]>;
  /**
   * Requests an operation and waits until it is final or held, at most `waitMs` (30 s unless told). Throws
   * {@link NotConcludedYet} when it is still open then, and {@link Unreachable} when its state could not be learned; it
   * goes on in either case, and asking again under the same id is safe.
   */
  requestAndWait<Kind extends OperationKind>(
    request: HttpRequest<Kind>,
    options?: { readonly waitMs?: number },
  ): Promise<Outcome>;
  /** An operation as it stands; undefined when the ledger has none of this id. */
  operation(id: string): Promise<Operation | undefined>;
  /** A contract with its history; undefined when there is none, or none any more. */
  contract(id: string): Promise<ContractHistory | undefined>;
  /** Which operations the contract offers now, and why not the others; undefined when there is no such contract. */
  buttons(contractId: string, options?: { readonly customer?: string }): Promise<ContractButtons | undefined>;
  /** What the request would do. Changes nothing. */
  preview<Kind extends OperationKind>(request: HttpRequest<Kind>): Promise<Plan>;
}

const timeoutMsDefault = 10_000;
const waitMsDefault = 30_000;

/** As long as the API lets a single call wait. */
const waitSecondsMax = 60;

/** Makes a client of the HTTP API. Connects with the first call. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { token, timeoutMs = timeoutMsDefault, clock = systemClock } = options;
  if (!/^https?:\/\//.test(options.baseUrl) || !URL.canParse(options.baseUrl)) {
    throw new TypeError("baseUrl must begin with http:// or https://, as in https://keiyaku.example.com");
  }
  const api: Api = {
    baseUrl: options.baseUrl.replace(/\/+$/, ""),
    token,
    fetch: options.fetch ?? globalThis.fetch,
    clock,
  };

  async function send(body: object, id: string, index: number): Promise<Acceptance> {
    const answer = await callApi(api, { method: "POST", path: "/operations", body, deadlineMs: timeoutMs, index });
    if (answer.status === 409) throw new IdReused(index, id);
    return read<Acceptance>(answer);
  }

  async function get<T>(path: string, deadlineMs = timeoutMs): Promise<T | undefined> {
    const answer = await callApi(api, { method: "GET", path, deadlineMs });
    return answer.status === 404 || answer.status === 410 ? undefined : read<T>(answer);
  }

  /** The operation once it rests, or as it is when the wait is over. */
  async function awaited(id: string, waitMs: number): Promise<Operation> {
    const untilMs = clock.monotonicMs() + waitMs;
    for (;;) {
      const leftMs = untilMs - clock.monotonicMs();
      const seconds = Math.min(Math.max(Math.ceil(leftMs / 1_000), 0), waitSecondsMax);
      const path = `/operations/${encodeURIComponent(id)}?wait=${seconds}`;
      const operation = await get<Operation>(path, seconds * 1_000 + timeoutMs);
      // A deleted contract's operations are erased with it.
      if (operation === undefined) throw new UnexpectedAnswer(404, "operation_not_found", null);
      if (outcomeOf(operation) !== undefined || seconds * 1_000 >= leftMs) return operation;
      // The API answered early: it is shutting down, and another takes over.
      await clock.sleep(100);
    }
  }

  return {
    async request(request) {
      return send(checked(request, 0), request.id, 0);
    },
    async requestMany(requests) {
      const bodies = requests.map(checked);
      const acceptances: Acceptance[] = [];
      for (const [index, body] of bodies.entries())
        acceptances.push(await send(body, requests[index]?.id ?? "", index));
      return acceptances;
    },
    async requestAndWait(request, { waitMs = waitMsDefault } = {}) {
      await send(checked(request, 0), request.id, 0);
      const operation = await awaited(request.id, waitMs);
      const outcome = outcomeOf(operation);
      if (outcome === undefined) throw new NotConcludedYet(operation, waitMs);
      return outcome;
    },
    operation: (id) => get(`/operations/${encodeURIComponent(id)}`),
    contract: (id) => get(`/contracts/${encodeURIComponent(id)}`),
    buttons(contractId, { customer } = {}) {
      const query = customer === undefined ? "" : `?customer=${encodeURIComponent(customer)}`;
      return get(`/contracts/${encodeURIComponent(contractId)}/buttons${query}`);
    },
    async preview(request) {
      const body = checked(request, 0);
      return read(await callApi(api, { method: "POST", path: "/previews", body, deadlineMs: timeoutMs }));
    },
  };
}

/** Stands in for the actor where that is left to the token: what is checked must have one. */
const tokensOwn = { type: "service", id: "token" } as const;

/** The request as it is sent, if the ledger would read it. */
function checked(request: { readonly actor?: unknown } | null | undefined, index: number): object {
  if (typeof request !== "object" || request === null || request.actor !== undefined)
    return checkRequest(request, index);
  return { ...checkRequest({ ...request, actor: tokensOwn }, index), actor: undefined };
}

function read<T>({ status, body }: ApiAnswer): T {
  if (typeof body !== "object" || body === null || status >= 300) throw new UnexpectedAnswer(status, "no object", null);
  return body as T;
}
