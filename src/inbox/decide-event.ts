import type { OperationKind, OperationState } from "../contract/operation.ts";
import type { MentionedDeletions } from "../store/mentioned.ts";
import type { EventMeaning, EventReference, IgnoredReason } from "../stripe/events.ts";

/*
 * The life of an event. It is `received`, and looked at: it becomes an operation (`applied`), or nothing follows from it
 * (`ignored`, with the reason). One whose contract nobody knows yet is `unmatched` and looked at again, at growing gaps, for
 * three days; then it rests until a person, or the contract's registration, has it looked at again. One that is not marked as
 * ours, where ours are marked, is `ignored` after a few looks, until a contract is registered with its ids. What cannot be read,
 * or fails again and again by itself, is `held` for a person. `docs/inbox.md` tells who draws each arrow.
 */

/** What our own rows say about an event, as they stand at one moment. */
export interface EventFacts {
  /** The contract that it is about; null when none is known. */
  readonly contractId: string | null;
  /**
   * How that is known: by the ids that the contract itself has at Stripe, by a payment or a refund of it, by what remains of
   * it after its deletion, or only because an operation of it made the call that caused the event.
   */
  readonly knownBy: "contract" | "payment" | "refund" | "tombstone" | "own_call" | null;
  readonly isDeleted: boolean;
  /** Whether a payment or a refund of ours names the intent or the refund that it is about. */
  readonly isPaymentKnown: boolean;
  /** Whether an event of the intent itself was found to be nobody's of ours. */
  readonly isIntentForeign: boolean;
  /** The operation whose call caused it; null when none of ours did, or none that its journal still knows. */
  readonly cause: { readonly operationId: string; readonly state: OperationState } | null;
}

/** How an event was found. */
export interface WaitingEvent {
  readonly state: "received" | "unmatched";
  /** Why it waits, as {@link Decision} wrote it; null when it has not been looked at yet. */
  readonly stateReason: string | null;
  /** How often it was looked at for the reason for which it waits, since it arrived or a person had it replayed. */
  readonly looks: number;
}

/** What becomes of an event that was looked at. Of one that mentions what was deleted and goes on waiting only the bare body stays. */
export type Decision =
  | {
      readonly type: "apply";
      readonly kind: OperationKind;
      readonly params: Readonly<Record<string, unknown>>;
      readonly contractId: string;
      readonly isDeleted: boolean;
    }
  | {
      readonly type: "ignore";
      readonly reason: IgnoredReason;
      /** Of what is not ours, what it is about: a registration with that has it looked at again. */
      readonly reference?: string;
      readonly contractId: string | null;
      /** Whether it is of what was deleted: then what it said is forgotten. */
      readonly isDeleted: boolean;
    }
  /** It stays `received`, for the length of `delayMs`. */
  | {
      readonly type: "wait";
      readonly reason: string;
      readonly contractId: string | null;
      readonly looks: number;
      readonly delayMs: number;
    }
  /** Nobody knows its contract, which is named by the reference. With a null delay it rests. */
  | {
      readonly type: "unmatched";
      readonly reason: string;
      readonly reference: string;
      readonly looks: number;
      readonly delayMs: number | null;
      readonly isDeleted: boolean;
    }
  | { readonly type: "hold"; readonly reason: string; readonly isDeleted: boolean };

/** Most contracts are registered within seconds of their subscription. */
const unmatchedDelayMsMin = 5_000;

/** What registers a contract makes its events due at once: looks by the clock only make up for a defect of that. */
const unmatchedDelayMsMax = 6 * 3_600_000;

/**
 * With gaps from five seconds to six hours, three days: a weekend and a day, longer than any queue of registrations stands
 * still without somebody noticing. Counted and not timed, so that one that is replayed waits as long as a new one.
 */
export const unmatchedLooksMax = 24;

/**
 * What lacks the mark of ours is looked at a few times all the same, a quarter of a minute in all. A registration that is under way
 * finds what waits, and not what has just arrived: it would miss an event that was ignored at its first look.
 */
const foreignLooksMax = 3;

/** An operation settles within a second or two of its last call, mostly before its event arrives. */
const ownCallDelayMsMin = 1_000;

/** An operation that is held may stay so for days; an event of it costs two statements a minute meanwhile. */
const ownCallDelayMsMax = 60_000;

/** What fails by itself is a defect that another try rarely mends; five of them are over in a little more than a minute. */
const failuresMax = 5;
const failureDelayMsMin = 5_000;

/** The beginnings of the reasons for which an event waits; what it waits for follows. */
const ownCallOpen = "own_call_open: ";
const deletionOpen = "deletion_open: ";
const noContract = "no_contract: ";
const noPayment = "no_payment: ";
/** Of what is ignored: the reason `not_ours`, and what it is about. */
const notOurs = "not_ours: ";
const failed = "failed: ";

const openStates: readonly OperationState[] = ["requested", "executing", "held"];

/**
 * Decides what becomes of an event that means an operation. Pure.
 *
 * @param isMarked whether the object carries the mark of ours; null when ours have none, or such an object never carries it
 */
export function decideOperation(
  event: WaitingEvent,
  meaning: Extract<EventMeaning, { type: "operation" }>,
  { contractId, knownBy, isDeleted, isPaymentKnown, isIntentForeign, cause }: EventFacts,
  isMarked: boolean | null,
): Decision {
  if (cause?.state === "succeeded") return { type: "ignore", reason: "own_call", contractId, isDeleted };
  if (cause !== null && openStates.includes(cause.state)) {
    const looks = looksAfter(event, ownCallOpen);
    const delayMs = doubled(ownCallDelayMsMin, looks, ownCallDelayMsMax);
    return { type: "wait", reason: `${ownCallOpen}${cause.operationId}`, contractId, looks, delayMs };
  }
  if (contractId === null) {
    const reference = referenceOf(meaning.about);
    const isForeign = isMarked === null ? isIntentForeign : !isMarked;
    if (isForeign && looksAfter(event, noContract) >= foreignLooksMax) {
      return { type: "ignore", reason: "not_ours", reference, contractId: null, isDeleted };
    }
    return unmatched(event, reference);
  }
  const { kind, params } = meaning;
  // The intents of a monthly contract are those of its invoices, each of which tells of itself.
  const paidAnInvoice = kind === "record_payment" && params.paymentIntentId !== undefined;
  if (paidAnInvoice && (knownBy === "payment" || knownBy === "refund")) {
    return { type: "ignore", reason: "paid_an_invoice", contractId, isDeleted };
  }
  // Its payment will be recorded: before, there is nothing on which a refund or a dispute could be noted.
  const isEarly = knownBy === "contract" && !isPaymentKnown && (kind === "record_refund" || kind === "record_dispute");
  const looks = looksAfter(event, noPayment);
  if (isEarly && looks < unmatchedLooksMax) {
    const delayMs = doubled(unmatchedDelayMsMin, looks, unmatchedDelayMsMax);
    return { type: "wait", reason: `${noPayment}${referenceOf(meaning.about)}`, contractId, looks, delayMs };
  }
  return { type: "apply", kind, params, contractId, isDeleted };
}

/** What becomes of an event that could not be dealt with by some doing of its own, told by a code. Others go on. */
export function decideFailure(event: WaitingEvent, code: string): Decision {
  const looks = looksAfter(event, failed);
  const reason = `${failed}${code}`;
  if (looks >= failuresMax) return { type: "hold", reason, isDeleted: false };
  return { type: "wait", reason, contractId: null, looks, delayMs: doubled(failureDelayMsMin, looks, Infinity) };
}

/**
 * Decides anew what becomes of an event whose body would be kept, in the light of what it mentions: of what was deleted nothing is
 * kept but what is needed to find another contract, and while a deletion is open nothing is concluded that it might miss. Pure.
 */
export function mindDeletions(
  event: WaitingEvent,
  decision: Decision,
  { isOfDeleted, openDeletionId }: MentionedDeletions,
): Decision {
  if (decision.type === "apply" || decision.type === "wait") return decision;
  // What is unmatched is looked at again, after the deletion too.
  if (openDeletionId !== null && decision.type !== "unmatched") {
    const looks = looksAfter(event, deletionOpen);
    const delayMs = doubled(ownCallDelayMsMin, looks, ownCallDelayMsMax);
    return { type: "wait", reason: `${deletionOpen}${openDeletionId}`, contractId: null, looks, delayMs };
  }
  return { ...decision, isDeleted: decision.isDeleted || isOfDeleted };
}

/** The reasons for which events wait, or are ignored, whose contract is found once it has this id at Stripe. */
export function foundReasons(stripeId: string): readonly string[] {
  return [`${noContract}${stripeId}`, `${notOurs}${stripeId}`];
}

/** The same, and those for which events wait that something becomes known about, once a contract or a payment has this id. */
export function awaitingReasons(stripeId: string): readonly string[] {
  return [...foundReasons(stripeId), `${noPayment}${stripeId}`];
}

/** The subscription or payment intent by which the contract of an event is looked for. */
export function referenceOf({ subscriptionId, paymentIntentId, refundId }: EventReference): string {
  const reference = subscriptionId ?? paymentIntentId ?? refundId;
  if (reference === undefined) throw new Error("an event that means an operation refers to something");
  return reference;
}

function unmatched(event: WaitingEvent, reference: string): Decision {
  const looks = looksAfter(event, noContract);
  const rests = looks >= unmatchedLooksMax;
  const delayMs = rests ? null : doubled(unmatchedDelayMsMin, looks, unmatchedDelayMsMax);
  return { type: "unmatched", reason: `${noContract}${reference}`, reference, looks, delayMs, isDeleted: false };
}

/** How often it was looked at for one reason: another reason is counted anew. */
function looksAfter({ stateReason, looks }: WaitingEvent, beginning: string): number {
  return stateReason?.startsWith(beginning) === true ? looks + 1 : 1;
}

function doubled(delayMsMin: number, looks: number, delayMsMax: number): number {
  return Math.min(delayMsMin * 2 ** Math.min(looks - 1, 30), delayMsMax);
}
