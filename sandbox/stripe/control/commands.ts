import { z } from "zod";
import { type Core, initialSettings } from "../core/core.ts";
import { faultRuleSchema } from "../core/fault-rule.ts";
import { rateLimitsSchema } from "../core/rate-limits.ts";
import { circumstanceCommands } from "./circumstances.ts";
import { type Command, command, id, nothing } from "./command.ts";
import type { StandInControl } from "./control.ts";
import {
  authenticatePayment,
  decideDispute,
  disputeCharge,
  payInvoiceByHand,
  settleRefund,
  tellRefundReference,
} from "./outside-events.ts";
import { plantSeed } from "./seed.ts";
import { seedSchema } from "./seed-schema.ts";
import { webhookCommands } from "./webhook-commands.ts";

export type Commands = { readonly [Name in keyof StandInControl]: Command };

const after = z.strictObject({ after: z.coerce.number().int().nonnegative().default(0) });

/** What happens through the control has no request behind it. */
const FROM_OUTSIDE = { requestId: null } as const;

/** The commands behind `StandInControl`, for one stand-in. */
export function createCommands(core: Core): Commands {
  const { state, faults, holds, locks, rateLimits, settings, webhooks } = core;
  return {
    seed: command(seedSchema, (seed) => state.change(FROM_OUTSIDE, (change) => plantSeed(change, seed))),
    ledger: command(after, (argument) => state.ledgerAfter(argument.after)),
    requests: command(after, (argument) => state.requests.after(argument.after)),
    fault: command(faultRuleSchema, (rule) => faults.add(rule)),
    pendingFaults: command(nothing, () => faults.pending()),
    clearFaults: command(nothing, () => faults.clear()),
    releaseHeld: command(nothing, () => holds.releaseAll()),
    lockObject: command(z.strictObject({ object: id }), async ({ object }) => {
      if ((await locks.take([object])) !== "taken") throw new Error(`Somebody is at work on ${object}`);
    }),
    unlockObject: command(z.strictObject({ object: id }), ({ object }) => locks.free([object])),
    setLockWait: command(z.strictObject({ ms: z.int().nonnegative() }), ({ ms }) => {
      locks.waitMs = ms;
    }),
    payInvoice: command(z.strictObject({ invoice: id }), ({ invoice }) =>
      state.change(FROM_OUTSIDE, (change) => payInvoiceByHand(change, invoice)),
    ),
    failRefund: command(z.strictObject({ refund: id, reason: z.string().default("unknown") }), ({ refund, reason }) =>
      state.change(FROM_OUTSIDE, (change) => settleRefund(change, refund, { status: "failed", reason })),
    ),
    succeedRefund: command(z.strictObject({ refund: id }), ({ refund }) =>
      state.change(FROM_OUTSIDE, (change) => settleRefund(change, refund, { status: "succeeded" })),
    ),
    referenceRefund: command(z.strictObject({ refund: id, reference: id }), ({ refund, reference }) =>
      state.change(FROM_OUTSIDE, (change) => tellRefundReference(change, refund, reference)),
    ),
    authenticate: command(z.strictObject({ paymentIntent: id }), ({ paymentIntent }) =>
      state.change(FROM_OUTSIDE, (change) => authenticatePayment(change, paymentIntent)),
    ),
    dispute: command(
      z.strictObject({
        charge: id,
        reason: z.string().default("fraudulent"),
        status: z.enum(["needs_response", "warning_needs_response"]).default("needs_response"),
      }),
      ({ charge, reason, status }) =>
        state.change(FROM_OUTSIDE, (change) => disputeCharge(change, charge, reason, status)),
    ),
    closeDispute: command(z.strictObject({ dispute: id, outcome: z.enum(["won", "lost"]) }), ({ dispute, outcome }) =>
      state.change(FROM_OUTSIDE, (change) => decideDispute(change, dispute, outcome)),
    ),
    ...circumstanceCommands(core),
    ...webhookCommands(core),
    pruneKeys: command(nothing, () => state.pruneKeys()),
    setLatency: command(z.strictObject({ ms: z.int().nonnegative() }), ({ ms }) => {
      settings.latencyMs = ms;
    }),
    setAcceptedKey: command(z.strictObject({ key: z.string().min(1).nullable() }), ({ key }) => {
      settings.acceptedKey = key;
    }),
    reset: command(nothing, () => {
      faults.clear();
      locks.reset();
      webhooks.reset();
      rateLimits.set(rateLimitsSchema.parse({}));
      Object.assign(settings, initialSettings());
      state.reset();
    }),
  };
}

/** Runs a command by name. Throws an Error in a sentence for an unknown name or an argument that does not fit. */
export function runCommand(commands: Commands, name: string, argument: unknown): unknown {
  const found = Object.entries(commands).find(([known]) => known === name)?.[1];
  if (found === undefined) throw new Error(`The control has no command ${name}`);
  return found.run(argument);
}
