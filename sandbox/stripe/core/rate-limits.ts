import { z } from "zod";

const perSecond = z.int().positive().nullable().default(null);

/** How many requests a second pass; null for any number. */
export const rateLimitsSchema = z.strictObject({
  /** All requests together. */
  global: perSecond,
  /** The requests of each endpoint. */
  perEndpoint: perSecond,
  /** Of single endpoints, by method and path as the router writes it: `POST /v1/refunds`, `GET /v1/invoices/:id`. */
  endpoints: z.record(z.string(), z.int().positive()).default({}),
});

/** What a caller writes; what is left out is not limited. */
export type RateLimitsInput = z.input<typeof rateLimitsSchema>;

type Limits = z.output<typeof rateLimitsSchema>;

export type LimitReason = "global-rate" | "endpoint-rate";

const WINDOW_MS = 1000;

/** Stripe's limiter: no more requests than allowed in any second. Those that it refuses count for nothing. */
export class RateLimits {
  #limits: Limits = rateLimitsSchema.parse({});
  readonly #windows = new Map<string, number[]>();

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
  admit(endpoint: string, now: number): LimitReason | undefined {
    const { global, perEndpoint, endpoints } = this.#limits;
    const own = endpoints[endpoint] ?? perEndpoint;
    const all = global === null ? undefined : this.#window("", now);
    const ones = own === null ? undefined : this.#window(endpoint, now);
    if (all !== undefined && global !== null && all.length >= global) return "global-rate";
    if (ones !== undefined && own !== null && ones.length >= own) return "endpoint-rate";
    all?.push(now);
    ones?.push(now);
    return undefined;
  }

  /** The moments at which requests passed within the last second. */
  #window(name: string, now: number): number[] {
    const passed = (this.#windows.get(name) ?? []).filter((at) => at > now - WINDOW_MS);
    this.#windows.set(name, passed);
    return passed;
  }
}
