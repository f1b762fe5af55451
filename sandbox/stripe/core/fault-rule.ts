import { z } from "zod";

/** Which requests a rule meets: the next `times` that match, after letting `skip` of them pass. */
const matching = {
  method: z.enum(["GET", "POST", "DELETE"]).optional(),
  // Without a query string. One star stands for one segment, two for any rest: "/v1/refunds", "/v1/invoices/*/void".
  path: z.string().startsWith("/"),
  times: z.int().positive().default(1),
  skip: z.int().nonnegative().default(0),
  // Only those that have this text in their path or their parameters, such as an object's id.
  about: z.string().min(1).optional(),
};

/**
 * What happens to a request that a rule meets. `executed` says whether it takes effect before its answer is spoilt;
 * `shouldRetry` sends the header `Stripe-Should-Retry`, which the SDK obeys before any rule of its own.
 */
export const faultRuleSchema = z.discriminatedUnion("mode", [
  /** The connection is destroyed; nothing was executed. */
  z.strictObject({ mode: z.literal("lose_reply_before"), ...matching }),
  /** Executed and stored, then the connection is destroyed before a byte of the answer. */
  z.strictObject({ mode: z.literal("lose_reply_after"), ...matching }),
  /** Executed and stored; the headers and half of the body are sent, then the connection is destroyed. */
  z.strictObject({ mode: z.literal("truncate_reply"), ...matching }),
  /** A gateway's HTML page instead of Stripe's answer. If executed, the true result is stored under the key. */
  z.strictObject({ mode: z.literal("html_502"), executed: z.boolean().default(false), ...matching }),
  /** A 500 of Stripe's own, stored under the request's key and replayed for as long as the key is kept. */
  z.strictObject({
    mode: z.literal("stored_500"),
    executed: z.boolean().default(false),
    shouldRetry: z.boolean().optional(),
    ...matching,
  }),
  /** Waits with the key in use, before the execution or between it and the answer. `releaseHeld` ends the wait. */
  z.strictObject({
    mode: z.literal("hold"),
    ms: z.int().positive(),
    when: z.enum(["before_executing", "after_executing"]).default("before_executing"),
    // Whether it is at work on its objects while it is held before its execution, so that others wait for them.
    locks: z.boolean().default(false),
    ...matching,
  }),
  z.strictObject({ mode: z.literal("status_401"), ...matching }),
  z.strictObject({ mode: z.literal("status_403"), ...matching }),
  /** The rate limiter's 429, which stands before the key layer and names itself in a header. */
  z.strictObject({
    mode: z.literal("rate_limit_429"),
    reason: z
      .enum(["global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency", "resource-specific"])
      .default("endpoint-rate"),
    shouldRetry: z.boolean().optional(),
    ...matching,
  }),
  /** The 429 of an object that another request holds: code `lock_timeout`, without the limiter's header. */
  z.strictObject({ mode: z.literal("lock_timeout_429"), shouldRetry: z.boolean().optional(), ...matching }),
]);

/** A rule as it is given; what has a default may be left out. */
export type FaultRule = z.input<typeof faultRuleSchema>;

/** A rule with everything decided. */
export type Fault = z.output<typeof faultRuleSchema>;

export type FaultMode = Fault["mode"];
