import { z } from "zod";

/** What can be done to a request. `executed` says whether the request takes effect before its answer is spoilt. */
export const faultModeSchema = z.discriminatedUnion("mode", [
  /** The connection is destroyed; nothing was executed. */
  z.strictObject({ mode: z.literal("lose_reply_before") }),
  /** Executed and stored, then the connection is destroyed before a byte of the answer. */
  z.strictObject({ mode: z.literal("lose_reply_after") }),
  /** Executed and stored; the headers and half of the body are sent, then the connection is destroyed. */
  z.strictObject({ mode: z.literal("truncate_reply") }),
  /** A gateway's HTML page instead of Stripe's answer. Executed: the true result is stored under the key. */
  z.strictObject({ mode: z.literal("html_502"), executed: z.boolean().default(false) }),
  /** A 500 of Stripe's own, stored under the request's key and replayed for as long as the key is kept. */
  z.strictObject({
    mode: z.literal("stored_500"),
    executed: z.boolean().default(false),
    shouldRetry: z.boolean().optional(),
  }),
  /** Waits, with the key in use, before the execution or between it and the answer. `releaseHeld` ends the wait. */
  z.strictObject({
    mode: z.literal("hold"),
    ms: z.int().positive(),
    when: z.enum(["before_executing", "after_executing"]).default("before_executing"),
  }),
  z.strictObject({ mode: z.literal("status_401") }),
  z.strictObject({ mode: z.literal("status_403") }),
  /** The rate limiter's 429, which stands before the key layer. */
  z.strictObject({
    mode: z.literal("rate_limit_429"),
    reason: z
      .enum(["global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency", "resource-specific"])
      .default("endpoint-rate"),
    shouldRetry: z.boolean().optional(),
  }),
  /** The 429 of an object that another request holds: code `lock_timeout`, without the limiter's header. */
  z.strictObject({ mode: z.literal("lock_timeout_429"), shouldRetry: z.boolean().optional() }),
]);

/** Meets the next `times` requests that match, after letting `skip` of them pass. */
export const faultRuleSchema = z.strictObject({
  method: z.enum(["GET", "POST", "DELETE"]).optional(),
  /** Without a query string. `*` stands for one segment, `**` for any rest: `/v1/refunds`, `/v1/invoices/*‍/void`. */
  path: z.string().startsWith("/"),
  times: z.int().positive().default(1),
  skip: z.int().nonnegative().default(0),
  fault: faultModeSchema,
});

export type Fault = z.output<typeof faultModeSchema>;
export type FaultMode = Fault["mode"];
export type FaultRule = z.input<typeof faultRuleSchema>;
