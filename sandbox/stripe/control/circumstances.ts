import { z } from "zod";
import { setBalance } from "../billing/refunding.ts";
import type { Core } from "../core/core.ts";
import { rateLimitsSchema } from "../core/rate-limits.ts";
import { REFUND_OUTCOMES } from "../core/stored.ts";
import type { Decline } from "../objects/charge.ts";
import { advanceOwnClock } from "../time/own-clock.ts";
import { command, nothing } from "./command.ts";

/** Stripe's codes for a refusal that are not `card_declined`; every other word is a decline code under it. */
const CODES = ["expired_card", "incorrect_cvc", "incorrect_number", "processing_error", "authentication_required"];

const declineSchema = z.strictObject({
  customer: z.string().min(1).nullable().default(null),
  paymentMethod: z.string().min(1).nullable().default(null),
  /** Stripe's word for the reason: `insufficient_funds`, `lost_card`, `expired_card`. */
  reason: z.string().min(1).default("generic_decline"),
  times: z.int().positive().default(1),
});

/** Which payments are going to be refused; what is left out means any. */
export type CardDecline = z.input<typeof declineSchema>;

const stepSchema = z.union([
  z.strictObject({ seconds: z.int().positive() }),
  z.strictObject({ to: z.iso.datetime({ offset: true }) }),
]);

/** How far a clock goes: by so many seconds, or to an ISO instant. */
export type ClockStep = z.input<typeof stepSchema>;

const dunningSchema = z.strictObject({
  retryAfterDays: z.array(z.number().positive()).optional(),
  subscription: z.enum(["cancel", "mark_unpaid", "leave_past_due", "pause"]).optional(),
  invoice: z.enum(["leave_open", "mark_uncollectible"]).optional(),
});

/** The commands that set under what circumstances requests are executed, and what time it is. */
export function circumstanceCommands(core: Core) {
  const { state, rateLimits } = core;
  const { world } = state;
  return {
    setRefundOutcome: command(
      z.strictObject({ status: z.enum(REFUND_OUTCOMES), times: z.int().positive().default(1) }),
      ({ status, times }) => {
        world.refundOutcomes = Array.from({ length: times }, () => status);
      },
    ),
    declineCards: command(declineSchema, ({ reason, ...rule }) => {
      world.declines = [...world.declines, { ...rule, decline: declineFor(reason) }];
    }),
    setBalance: command(z.strictObject({ available: z.int().nullable() }), ({ available }) =>
      state.change({ requestId: null }, (change) => setBalance(change, available)),
    ),
    balance: command(nothing, () => world.availableBalance),
    setDunning: command(dunningSchema, (given) => {
      const { retryAfterDays, subscription, invoice } = { ...world.dunning, ...given };
      world.dunning = {
        retryAfterDays: retryAfterDays ?? world.dunning.retryAfterDays,
        subscription: subscription ?? world.dunning.subscription,
        invoice: invoice ?? world.dunning.invoice,
      };
    }),
    setUpcomingNotice: command(z.strictObject({ days: z.int().positive().nullable() }), ({ days }) => {
      world.upcomingDays = days;
    }),
    setDisputeCancelsSubscription: command(z.strictObject({ cancels: z.boolean() }), ({ cancels }) => {
      world.disputeCancelsSubscription = cancels;
    }),
    setRateLimits: command(rateLimitsSchema, (limits) => rateLimits.set(limits)),
    advanceClock: command(stepSchema, (step) =>
      advanceOwnClock(core, () => {
        const byMs = "to" in step ? Date.parse(step.to) - state.nowMs : step.seconds * 1000;
        if (byMs <= 0) throw new Error("The clock goes forward only");
        return byMs;
      }),
    ),
  };
}

function declineFor(reason: string): Decline {
  return {
    code: CODES.includes(reason) ? reason : "card_declined",
    declineCode: reason,
    message: "The card was declined.",
  };
}
