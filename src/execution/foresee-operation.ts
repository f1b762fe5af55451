import { createHash } from "node:crypto";
import { foresee } from "../contract/foresee.ts";
import type { Facts } from "../contract/operation.ts";
import { matterOf, type Plan, type PlannedOperation } from "../contract/plan.ts";
import type { Answer } from "../contract/step.ts";
import { type GatewayReply, look, type StripeGateway } from "../stripe/gateway.ts";
import { canonicalJson } from "./canonical-json.ts";

/** What an operation would do, or why Stripe could not be looked at for it. `stopped`: the signal came before the end. */
export type ForeseenOperation =
  | { readonly type: "plan"; readonly plan: Plan }
  | { readonly type: "stopped" }
  | {
      readonly type: "unseen";
      readonly lookName: string;
      readonly reply: Exclude<GatewayReply<never>, { type: "done" }>;
    };

/**
 * What an operation would do, given what was looked at for it so far; whatever else has to be seen is looked at now.
 * Changes nothing, here or at Stripe. Once `signal` is aborted, no further look is begun.
 */
export async function foreseeOperation(
  gateway: StripeGateway,
  facts: Facts,
  seen: ReadonlyMap<string, Answer>,
  signal: AbortSignal,
): Promise<ForeseenOperation> {
  const answers = new Map(seen);
  for (;;) {
    const foreseen = foresee(facts, answers);
    if (foreseen.type === "planned") return { type: "plan", plan: withDigest(foreseen.planned) };
    if (signal.aborted) return { type: "stopped" };
    const { name, look: wanted } = foreseen.step;
    const reply = await look(gateway, wanted);
    if (reply.type !== "done") return { type: "unseen", lookName: name, reply };
    answers.set(name, reply.value);
  }
}

function withDigest(planned: PlannedOperation): Plan {
  return {
    ...planned,
    digest: createHash("sha256")
      .update(canonicalJson(matterOf(planned)))
      .digest("hex"),
  };
}
