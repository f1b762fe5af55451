import type { Actor } from "../contract/operation.ts";
import type { CallStep } from "../contract/step.ts";
import type { HeldQuestion } from "../store/hold-operation.ts";
import type { Intent } from "../store/journal.ts";
import { readRefundedThisHour } from "../store/refund-hours.ts";
import { repairActorIds } from "../store/request-repair.ts";
import type { Attempt } from "./attempt.ts";
import type { ExecutionDeps } from "./deps.ts";

/** Either the question that a person has to answer first, or how the refund is counted. */
export type Braking =
  | { readonly type: "held"; readonly question: HeldQuestion }
  | { readonly type: "released"; readonly counted: Intent["counted"] };

/**
 * Whether a call may be journaled to be sent: a refund only within the limits, and not for a repair that was asked for without
 * refunds; each of these a person may lift for this one by having it tried again. What is sent all the same counts too, so that the others wait for a person.
 */
export async function brake(
  { db, brakes }: Pick<ExecutionDeps, "db" | "brakes">,
  attempt: Pick<Attempt, "released" | "facts">,
  { name, call }: CallStep,
): Promise<Braking> {
  if (call.verb !== "refund_payment") return { type: "released", counted: undefined };
  const { refundId, amountMinor } = call;
  const { refundLimitMinor: each, refundLimitPerHourMinor: perHour } = brakes;
  const held = (code: HeldQuestion["code"], detail: HeldQuestion["detail"]): Braking => {
    const question = { code, detail: { step: name, refundId, amountMinor, ...detail, effect: "none" } };
    return { type: "held", question };
  };
  const isReleased = (code: HeldQuestion["code"]) => attempt.released.has(releaseOf(code, name));

  if (isUnasked(attempt.facts.operation.actor) && !isReleased("refund_not_asked_for")) {
    return held("refund_not_asked_for", {});
  }
  if (each !== null && amountMinor > each && !isReleased("refund_limit_exceeded")) {
    return held("refund_limit_exceeded", { limitMinor: each });
  }
  if (perHour === null) return { type: "released", counted: undefined };
  if (isReleased("hourly_refund_limit_exceeded")) {
    return { type: "released", counted: { amountMinor, limitMinor: null } };
  }
  const sentMinor = await readRefundedThisHour(db);
  if (sentMinor + amountMinor > perHour) {
    return held("hourly_refund_limit_exceeded", { limitMinor: perHour, sentMinor });
  }
  return { type: "released", counted: { amountMinor, limitMinor: perHour } };
}

/** Whether only `keiyaku reconcile --repair` asked, which gives back nothing that nobody has asked to give back. */
function isUnasked({ type, id }: Actor): boolean {
  return type === "stripe" && id === repairActorIds.withoutRefunds;
}

/** By which a person's answer is known again: the question, and the call that it was about. */
export function releaseOf(code: HeldQuestion["code"], step: string): string {
  return `${code}:${step}`;
}
