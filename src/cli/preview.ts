import type { OperationKind } from "../contract/operation.ts";
import { previewOperation } from "../execution/preview-operation.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import { createStripeGateway } from "../stripe/stripe-gateway.ts";
import { businessOf } from "./business-of.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { writeJson } from "./output.ts";
import { readActor } from "./read-actor.ts";
import { type GivenParams, readParams } from "./read-params.ts";
import { showPlan } from "./show-plan.ts";

export interface PreviewOptions extends GivenParams {
  readonly kind: OperationKind;
  readonly contractId: string;
  readonly actor?: string;
  readonly reason?: string;
  readonly json?: boolean;
}

/** Shows what an operation would do, without doing it: Stripe is looked at, and nothing is called or written. */
export async function preview(context: CommandContext, options: PreviewOptions): Promise<ExitCode> {
  const { stripe } = context;
  if (stripe === null) throw new Error("a preview looks at Stripe");
  const gateway = createStripeGateway(stripe);
  try {
    return await previewThrough(gateway, context, options);
  } finally {
    gateway.close();
  }
}

async function previewThrough(
  gateway: StripeGateway,
  context: CommandContext,
  { kind, contractId, actor, reason, json, ...params }: PreviewOptions,
): Promise<ExitCode> {
  const { db, clock, config, out, signal } = context;
  const request = {
    id: "preview",
    kind,
    contractId,
    actor: readActor(actor),
    params: readParams(kind, params) as Record<string, never>,
    ...(reason === undefined ? {} : { reason }),
  };
  const previewed = await previewOperation({ db, gateway, clock, signal, business: businessOf(config) }, request);
  switch (previewed.type) {
    case "plan":
      if (json === true) writeJson(out, previewed.plan);
      else out.write(showPlan(out, previewed.plan));
      return previewed.plan.rejection === null ? exitCodes.done : exitCodes.failed;
    case "not_now":
      throw new CommandFailure(exitCodes.tryLater, {
        code: "stripe_unavailable",
        sentence: `Stripe cannot be looked at now (${previewed.reason}).`,
        remedy: "Ask again later; nothing was done.",
      });
    case "unexplained":
      throw new CommandFailure(exitCodes.failed, {
        code: "answer_unexplained",
        sentence: `Stripe gave an answer that has no meaning here yet (${previewed.code}).`,
        remedy: "Carried out, the operation would be held for a person. Look at the contract's objects at Stripe.",
      });
  }
}
