import { refundStateOf } from "../contract/refunding.ts";
import type { Call, CallAnswer, CallResults, CallStep, Overtaken } from "../contract/step.ts";
import { type AnsweredRefund, journalAnswer, journalIntent, journalResend } from "../store/journal.ts";
import { type GatewayReply, type IdempotencyKey, type MayBeSent, send, stillOpen } from "../stripe/gateway.ts";
import { type Attempt, contractMoved } from "./attempt.ts";
import { brake } from "./brakes.ts";
import { permitFromNow } from "./call-permit.ts";
import type { ExecutionDeps } from "./deps.ts";
import { findEffect } from "./find-effect.ts";
import { defer, deferNotNow, lookUnanswered, type StepsEnding, unexplained } from "./steps-ending.ts";

type Answered = CallAnswer<CallResults[keyof CallResults]> | Overtaken;

/** Stripe forgets a key after 24 hours at the earliest; an hour of margin covers clock skew and a slow queue. */
const keyTrustedForMs = 23 * 3_600_000;

/** By then its key is forgotten, and the request over: 24 hours, the minute in which it had to leave, and as long as it may take. */
const keySurelyForgottenMs = (24 * 60 + 5) * 60_000;

/**
 * After the second key a person is asked: two keys, each surely dead before the next, and still nobody knows. Each time
 * that they let it be tried again there is one key more, after the same wait and the same look.
 */
const keyNumberMax = 2;

/** The key of one call: made of operation, call and key number, and so the same on every attempt. */
export function keyFor(operationId: string, name: string, keyNumber: number): IdempotencyKey {
  return `keiyaku:${operationId}:${name}:${keyNumber}` as IdempotencyKey;
}

/** The key under which a call is sent once more that an attempt saw refused for the time being: Stripe may remember the other. */
function keyAfterRefusal({ operationId, guard }: Attempt, name: string, keyNumber: number): IdempotencyKey {
  return `${keyFor(operationId, name, keyNumber)}.${guard.attempt}` as IdempotencyKey;
}

/** The call that a key was made for, whichever number it has; undefined for a key that is none of ours. */
export function operationOfKey(key: string): { readonly operationId: string; readonly name: string } | undefined {
  const [, operationId, name] = /^keiyaku:([^:]+):(.+):\d+(?:\.\d+)?$/.exec(key) ?? [];
  return operationId === undefined || name === undefined ? undefined : { operationId, name };
}

/**
 * Makes one call at Stripe, at most once in effect, whatever happens on the way: the intent is journaled before it is sent,
 * the answer after. Undefined when it was answered; otherwise why the operation cannot go on now.
 */
export async function makeCall(
  deps: ExecutionDeps,
  attempt: Attempt,
  decided: CallStep,
): Promise<StepsEnding | undefined> {
  const step = asJournaled(attempt, decided);
  const sending = await prepare(deps, attempt, step);
  if (sending.type !== "send") return sending.ending;

  const { key, mayBeSent } = sending;
  const reply = await send(deps.gateway, step.call, { operationId: attempt.operationId, key, mayBeSent });
  switch (reply.type) {
    case "done":
      await answer(deps, attempt, step, { type: "done", value: reply.value }, "reply", reply.requestId);
      return undefined;
    case "not_now":
      return deferNotNow(reply.reason, sending.isFirst ? step.name : undefined);
    case "refused":
    case "unknown":
    case "unexplained":
      // Perhaps it took effect all the same, now or at an earlier sending: only a look can tell.
      return await lookAfter(deps, attempt, step, reply, sending.keyNumber);
  }
}

/** The call as it was sent before, whatever the rule would send now: another version of the code may have decided it. */
function asJournaled({ journal }: Attempt, step: CallStep): CallStep {
  const row = journal.get(step.name);
  return row?.type === "call" ? { ...step, call: row.request as Call } : step;
}

type Doubtful = Extract<GatewayReply<unknown>, { type: "refused" | "unknown" | "unexplained" }>;

/**
 * Adopts the effect if a look finds it; otherwise the reply stands for what it says. About a refusal that nobody has explained
 * a person is asked, with two exceptions. Money that Stripe will not give back stays owed, with Stripe's own word for why, and
 * holds nothing up. An invoice that is open still may have a payment under way, so its void is tried again.
 */
async function lookAfter(
  deps: ExecutionDeps,
  attempt: Attempt,
  step: CallStep,
  reply: Doubtful,
  keyNumber: number,
): Promise<StepsEnding | undefined> {
  const adoption = await adoptEffect(deps, attempt, step);
  if (adoption.type === "answered") return undefined;
  const { verb } = step.call;
  const isOwed = verb === "refund_payment" && reply.type === "unexplained" && reply.code !== keyUsedOtherwise;
  const isUnderWay = verb === "void_invoice" && reply.type === "unexplained" && reply.code === stillOpen;
  if (reply.type === "unexplained" && !isOwed && !isUnderWay) return askAbout(step, reply, adoption);
  if (adoption.type === "unseen") return adoption.ending;
  if (isUnderWay) {
    return {
      type: "failed",
      reason: stillOpen,
      renewed: { name: step.name, nextKey: keyAfterRefusal(attempt, step.name, keyNumber) },
    };
  }
  if (reply.type === "unknown") return defer("result_unknown", unknownDelayMs(attempt, step));
  const refused: Answered =
    reply.type === "refused"
      ? { type: "refused", code: reply.code }
      : { type: "refused", code: "refund_refused", stripeCode: reply.code };
  await answer(deps, attempt, step, refused, "reply", reply.requestId);
  return undefined;
}

/** Stripe's word for a key that was used before for something else: what became of the first use is not told. */
const keyUsedOtherwise = "idempotency_error";

/**
 * Asks a person about a call that Stripe refused for a reason nobody has explained. If a look has found no effect of it
 * either, the question says so, and the operation may be abandoned.
 */
function askAbout(
  step: CallStep,
  { code, httpStatus, requestId }: Extract<Doubtful, { type: "unexplained" }>,
  adoption: Adoption,
): StepsEnding {
  return unexplained(
    step.name,
    code,
    httpStatus,
    requestId,
    adoption.type === "not_found" && code !== keyUsedOtherwise,
  );
}

type Preparation =
  | {
      readonly type: "send";
      readonly key: IdempotencyKey;
      readonly keyNumber: number;
      readonly mayBeSent: MayBeSent;
      /** Whether nothing that may have taken effect was sent under the key before. */
      readonly isFirst: boolean;
    }
  | { readonly type: "over"; readonly ending: StepsEnding | undefined };

/** Journals that the call is about to be sent: for the first time, again, or under its next key. */
async function prepare(deps: ExecutionDeps, attempt: Attempt, step: CallStep): Promise<Preparation> {
  const row = attempt.journal.get(step.name);
  if (row === undefined) return await journalFirst(deps, attempt, step);

  const { keyNumber, firstSentAgoMs, lastSentAgoMs, idempotencyKey } = row;
  if (keyNumber === null || idempotencyKey === null) {
    throw new Error(`the journal has no key for ${step.name}`);
  }
  // An earlier attempt may have sent it. If it took effect, that is the answer.
  const adoption = await adoptEffect(deps, attempt, step);
  if (adoption.type !== "not_found") {
    return { type: "over", ending: adoption.type === "answered" ? undefined : adoption.ending };
  }

  if (firstSentAgoMs === null || lastSentAgoMs === null || firstSentAgoMs < keyTrustedForMs) {
    const mayBeSent = permitFromNow(deps.clock);
    await journalResend(deps.db, attempt.guard, { name: step.name, keyNumber });
    const isFirst = firstSentAgoMs === null;
    return { type: "send", key: idempotencyKey as IdempotencyKey, keyNumber, mayBeSent, isFirst };
  }
  if (lastSentAgoMs < keySurelyForgottenMs) {
    // Neither the old key nor a new one is safe yet: the old one may be forgotten, the request may still be under way.
    const leftMs = keySurelyForgottenMs - lastSentAgoMs;
    return { type: "over", ending: { type: "deferred", reason: "key_expiring", delayMs: leftMs } };
  }
  if (keyNumber >= keyNumberMax + attempt.retries) {
    const question = { code: "result_still_unknown", detail: { step: step.name, keyNumber } } as const;
    return { type: "over", ending: { type: "held", question } };
  }
  const nextKey = keyFor(attempt.operationId, step.name, keyNumber + 1);
  const mayBeSent = permitFromNow(deps.clock);
  await journalResend(deps.db, attempt.guard, { name: step.name, keyNumber, nextKey });
  return { type: "send", key: nextKey, keyNumber: keyNumber + 1, mayBeSent, isFirst: true };
}

async function journalFirst(deps: ExecutionDeps, attempt: Attempt, step: CallStep): Promise<Preparation> {
  if (attempt.contract === null) throw new Error("a call at Stripe needs a contract");
  const braking = await brake(deps, attempt, step);
  if (braking.type === "held") return { type: "over", ending: { ...braking, owed: step.refund } };
  const key = keyFor(attempt.operationId, step.name, 1);
  const mayBeSent = permitFromNow(deps.clock);
  await journalIntent(deps.db, attempt.guard, attempt.contract, {
    name: step.name,
    call: step.call,
    idempotencyKey: key,
    refund: step.refund,
    ...(braking.counted === undefined ? {} : { counted: braking.counted }),
    frozen: attempt.callJournaled ? null : { facts: attempt.facts, looks: attempt.freshLooks },
  });
  contractMoved(attempt);
  attempt.callJournaled = true;
  return { type: "send", key, keyNumber: 1, mayBeSent, isFirst: true };
}

/** What looking for a call's effect came to. Answered: the journal has what was found as the call's answer. */
type Adoption =
  | { readonly type: "answered" }
  | { readonly type: "not_found" }
  | { readonly type: "unseen"; readonly ending: StepsEnding };

/**
 * Looks whether a call has taken effect, and journals that it did; or that it may have, where what it was to change is over
 * since and will not show it any more. Repeating it looks again and changes nothing at Stripe.
 */
async function adoptEffect(deps: ExecutionDeps, attempt: Attempt, step: CallStep): Promise<Adoption> {
  const effect = await findEffect(deps.gateway, step.call);
  switch (effect.type) {
    case "found":
      await answer(deps, attempt, step, { type: "done", value: effect.value }, "look", effect.requestId);
      return { type: "answered" };
    case "not_found":
      if (effect.isOver !== true || !mayHaveBeenSent(attempt, step)) return effect;
      await answer(deps, attempt, step, { type: "overtaken" }, "look", effect.requestId);
      return { type: "answered" };
    case "not_now":
      return { type: "unseen", ending: deferNotNow(effect.reason) };
    case "unanswered":
      return { type: "unseen", ending: lookUnanswered };
    case "unexplained":
      return { type: "unseen", ending: unexplained(step.name, effect.code, effect.httpStatus, effect.requestId) };
  }
}

/** Whether a sending of an earlier attempt, under any key, may have taken effect: not all of them were turned away. */
function mayHaveBeenSent({ journal }: Attempt, { name }: CallStep): boolean {
  const row = journal.get(name);
  return row !== undefined && (row.firstSentAgoMs !== null || row.keyNumber !== 1);
}

/** The longest wait for an unknown result to clear: an outage, which looking more often does not end. */
const unknownDelayMsMax = 15 * 60_000;

/** A quarter of the time that the result has been unknown: seconds for a lost reply, minutes for an outage. */
function unknownDelayMs(attempt: Attempt, { name }: CallStep): number {
  return Math.min((attempt.journal.get(name)?.firstSentAgoMs ?? 0) / 4, unknownDelayMsMax);
}

async function answer(
  deps: ExecutionDeps,
  attempt: Attempt,
  step: CallStep,
  answered: Answered,
  learnedBy: "reply" | "look",
  requestId: string | null,
): Promise<void> {
  const refund = refundMove(step, answered);
  const journaled = { name: step.name, answer: answered, learnedBy, requestId, refund };
  await journalAnswer(deps.db, attempt.guard, attempt.contract, journaled);
  if (refund !== undefined) contractMoved(attempt);
  attempt.answers.set(step.name, answered);
}

/** Where the refund row goes with the answer to its call; undefined for the other calls. */
function refundMove({ call }: CallStep, answered: Answered): AnsweredRefund | undefined {
  if (call.verb !== "refund_payment") return undefined;
  const { refundId } = call;
  if (answered.type === "refused") return { refundId, to: "due", refusalCode: answered.stripeCode ?? answered.code };
  if (answered.type === "overtaken") return undefined;
  const refund = answered.value as CallResults["refund_payment"];
  return { refundId, to: refundStateOf(refund.stripeRefundStatus), stripeRefundId: refund.id };
}
