import { z } from "zod";
import { type Core, initialSettings } from "../core/core.ts";
import { faultRuleSchema } from "../core/fault-rule.ts";
import { REFUND_OUTCOMES } from "../core/stored.ts";
import type { StandInControl } from "./control.ts";
import { disputeCharge, payInvoiceByHand, settleRefund } from "./outside-events.ts";
import { plantSeed } from "./seed.ts";
import { seedSchema } from "./seed-schema.ts";

/** One command: its argument is checked, then it runs to its end without waiting for anything. */
export interface Command {
  readonly run: (argument: unknown) => unknown;
}

export type Commands = { readonly [Name in keyof StandInControl]: Command };

const id = z.string().min(1);
const nothing = z.strictObject({});
const after = z.strictObject({ after: z.coerce.number().int().nonnegative().default(0) });

/** What happens through the control has no request behind it. */
const FROM_OUTSIDE = { requestId: null } as const;

/** The commands behind `StandInControl`, for one stand-in. */
export function createCommands(core: Core): Commands {
  const { state, faults, holds, settings } = core;
  return {
    seed: command(seedSchema, (seed) => state.change(FROM_OUTSIDE, (change) => plantSeed(change, seed))),
    ledger: command(after, (argument) => state.ledgerAfter(argument.after)),
    requests: command(after, (argument) => state.requests.after(argument.after)),
    fault: command(faultRuleSchema, (rule) => faults.add(rule)),
    pendingFaults: command(nothing, () => faults.pending()),
    clearFaults: command(nothing, () => faults.clear()),
    releaseHeld: command(nothing, () => holds.releaseAll()),
    payInvoice: command(z.strictObject({ invoice: id }), ({ invoice }) =>
      state.change(FROM_OUTSIDE, (change) => payInvoiceByHand(change, invoice)),
    ),
    failRefund: command(z.strictObject({ refund: id, reason: z.string().default("unknown") }), ({ refund, reason }) =>
      state.change(FROM_OUTSIDE, (change) => settleRefund(change, refund, { status: "failed", reason })),
    ),
    succeedRefund: command(z.strictObject({ refund: id }), ({ refund }) =>
      state.change(FROM_OUTSIDE, (change) => settleRefund(change, refund, { status: "succeeded" })),
    ),
    dispute: command(z.strictObject({ charge: id }), ({ charge }) =>
      state.change(FROM_OUTSIDE, (change) => disputeCharge(change, charge)),
    ),
    setRefundOutcome: command(
      z.strictObject({ status: z.enum(REFUND_OUTCOMES), times: z.int().positive().default(1) }),
      ({ status, times }) => {
        settings.refundOutcomes = Array.from({ length: times }, () => status);
      },
    ),
    pruneKeys: command(nothing, () => state.pruneKeys()),
    setLatency: command(z.strictObject({ ms: z.int().nonnegative() }), ({ ms }) => {
      settings.latencyMs = ms;
    }),
    setAcceptedKey: command(z.strictObject({ key: z.string().min(1).nullable() }), ({ key }) => {
      settings.acceptedKey = key;
    }),
    reset: command(nothing, () => {
      faults.clear();
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

function command<Schema extends z.ZodType>(schema: Schema, run: (argument: z.output<Schema>) => unknown): Command {
  return {
    run: (argument) => {
      const read = schema.safeParse(argument);
      if (!read.success) throw new Error(z.prettifyError(read.error));
      return run(read.data);
    },
  };
}
