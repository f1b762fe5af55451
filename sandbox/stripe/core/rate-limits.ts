import { z } from "zod";

const limit = z.int().positive().nullable().default(null);

/** How many requests pass; null for any number. */
export const rateLimitsSchema = z.strictObject({
  /** All requests together, a second. */
  global: limit,
  /** The requests of each endpoint, a second. */
  perEndpoint: limit,
  /** All requests together, at the same time. */
  concurrent: limit,
  /** The requests of each endpoint, at the same time. */
  concurrentPerEndpoint: limit,
  /** A second, of single endpoints, by method and path as the router writes it: `POST /v1/refunds`, `GET /v1/invoices/:id`. */
  endpoints: z.record(z.string(), z.int().positive()).default({}),
});

/** What a caller writes; what is left out is not limited. */
export type RateLimitsInput = z.input<typeof rateLimitsSchema>;

type Limits = z.output<typeof rateLimitsSchema>;

export type LimitReason = "global-rate" | "endpoint-rate" | "global-concurrency" | "endpoint-concurrency";

/** A request that has come in: refused for a reason, or at work until it leaves. */
export interface Admission {
  readonly refusedFor: LimitReason | undefined;
  leave(): void;
}

const WINDOW_MS = 1000;

/** The name under which all requests are counted together. */
const ALL = "";

/** Stripe's limiter: no more requests than allowed in any second. Those that it refuses count for nothing. */
export class RateLimits {
  #limits: Limits = rateLimitsSchema.parse({});
  readonly #windows = new Map<string, number[]>();
  readonly #atWork = new Map<string, number>();

  set(limits: Limits): void {
    this.#limits = limits;
    this.#windows.clear();
  }

  /**
   * Lets a request pass, or says which limit refuses it.
   *
   * @param endpoint method and path
   * @param now milliseconds of a clock that only goes forward
   */
  admit(endpoint: string, now: number): Admission {
    const refusedFor = this.#overConcurrency(endpoint) ?? this.#overRate(endpoint, now);
    if (refusedFor !== undefined) return { refusedFor, leave: () => undefined };
    this.#count(endpoint, 1);
    return { refusedFor, leave: () => this.#count(endpoint, -1) };
  }

  #overConcurrency(endpoint: string): LimitReason | undefined {
    const { concurrent, concurrentPerEndpoint } = this.#limits;
    if (concurrent !== null && (this.#atWork.get(ALL) ?? 0) >= concurrent) return "global-concurrency";
    const ones = this.#atWork.get(endpoint) ?? 0;
    return concurrentPerEndpoint !== null && ones >= concurrentPerEndpoint ? "endpoint-concurrency" : undefined;
  }

  #overRate(endpoint: string, now: number): LimitReason | undefined {
    const { global, perEndpoint, endpoints } = this.#limits;
    const own = endpoints[endpoint] ?? perEndpoint;
    const all = global === null ? undefined : this.#window(ALL, now);
    const ones = own === null ? undefined : this.#window(endpoint, now);
    if (all !== undefined && global !== null && all.length >= global) return "global-rate";
    if (ones !== undefined && own !== null && ones.length >= own) return "endpoint-rate";
    all?.push(now);
    ones?.push(now);
    return undefined;
  }

  #count(endpoint: string, by: 1 | -1): void {
    for (const name of [ALL, endpoint]) this.#atWork.set(name, (this.#atWork.get(name) ?? 0) + by);
  }

  /** The moments at which requests passed within the last second. */
  #window(name: string, now: number): number[] {
    const passed = (this.#windows.get(name) ?? []).filter((at) => at > now - WINDOW_MS);
    this.#windows.set(name, passed);
    return passed;
  }
}
