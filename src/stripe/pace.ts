import type { Stripe } from "stripe";
import type { Clock } from "../clock.ts";

/** How many requests may leave for Stripe each second. `Infinity` for no limit. */
export interface RequestLimits {
  /** Of all endpoints together. */
  readonly perSecond: number;
  /** Of each endpoint: a method with a path, whatever the ids in it. */
  readonly perEndpoint: number;
}

/** What the network error of a request is called that was not sent because too many wait. */
export const tooManyWaitingCode = "TOO_MANY_WAITING";

class TooManyWaitingError extends Error {
  readonly code = tooManyWaitingCode;

  constructor(endpoint: string) {
    super(`too many requests wait for ${endpoint}`);
    this.name = "TooManyWaitingError";
  }
}

/**
 * The longest wait for a turn, which is part of the time that a request may take in all. Whoever would wait longer is put
 * back, and finds the others gone.
 */
const waitMsMax = 5_000;

interface Waiting {
  readonly endpoint: string;
  readonly go: () => void;
}

/**
 * Spaces the requests of one process to Stripe, so that no second holds more of them than the limits allow: Stripe itself
 * would refuse the surplus, and everybody else's who shares the account.
 *
 * Requests of one endpoint leave in the order of their coming; who waits for one endpoint does not keep others waiting.
 */
export class Pace {
  readonly #limits: RequestLimits;
  readonly #clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly #waiting: Waiting[] = [];
  readonly #endpointReadyAtMs = new Map<string, number>();
  #readyAtMs = 0;
  #wakesAtMs = Number.POSITIVE_INFINITY;

  constructor(limits: RequestLimits, clock: Pick<Clock, "monotonicMs" | "sleep">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Resolves when a request to the endpoint may leave. Rejects at once when so many wait that it could not leave soon. */
  async turn(endpoint: string): Promise<void> {
    const aheadOfIt = this.#waiting.filter((waiting) => waiting.endpoint === endpoint).length;
    const waitMs = Math.max(
      this.#waiting.length * gapMs(this.#limits.perSecond),
      aheadOfIt * gapMs(this.#limits.perEndpoint),
    );
    if (waitMs > waitMsMax) throw new TooManyWaitingError(endpoint);
    const turn = new Promise<void>((go) => this.#waiting.push({ endpoint, go }));
    this.#letGo();
    await turn;
  }

  /** Lets go whoever may leave now, the longest waiting first, and sees to it that the next one is let go in time. */
  #letGo(): void {
    const nowMs = this.#clock.monotonicMs();
    for (;;) {
      const next = this.#waiting.findIndex(({ endpoint }) => this.#readyAt(endpoint) <= nowMs);
      const [leaving] = next === -1 ? [] : this.#waiting.splice(next, 1);
      if (leaving === undefined) break;
      this.#readyAtMs = nowMs + gapMs(this.#limits.perSecond);
      this.#endpointReadyAtMs.set(leaving.endpoint, nowMs + gapMs(this.#limits.perEndpoint));
      leaving.go();
    }
    const soonestMs = Math.min(...this.#waiting.map(({ endpoint }) => this.#readyAt(endpoint)));
    if (soonestMs >= this.#wakesAtMs) return;
    this.#wakesAtMs = soonestMs;
    void this.#clock.sleep(soonestMs - nowMs).then(() => {
      if (this.#wakesAtMs === soonestMs) this.#wakesAtMs = Number.POSITIVE_INFINITY;
      this.#letGo();
    });
  }

  #readyAt(endpoint: string): number {
    return Math.max(this.#readyAtMs, this.#endpointReadyAtMs.get(endpoint) ?? 0);
  }
}

function gapMs(perSecond: number): number {
  return 1_000 / perSecond;
}

/** The HTTP client, each of whose requests waits for its turn: the SDK's repetitions and every page of a list included. */
export function paced(client: Stripe.HttpClient, pace: Pace): Stripe.HttpClient {
  return {
    getClientName: () => client.getClientName(),
    makeRequest: async (...request) => {
      const [, , path, method] = request;
      await pace.turn(endpointOf(method, path));
      return await client.makeRequest(...request);
    },
  };
}

/** Stripe counts by method and path, whatever the id in it: `POST /v1/invoices/:id/void`. */
export function endpointOf(method: string, path: string): string {
  const [, version, resource, id, ...rest] = (path.split("?")[0] ?? "").split("/");
  return `${method} /${[version, resource, ...(id === undefined ? [] : [":id"]), ...rest].join("/")}`;
}
