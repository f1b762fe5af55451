import { z } from "zod";
import { type BusinessDate, datePattern, type Instant, parseBusinessDate } from "./calendar.ts";
import type { ContractWorld, Product, Tombstone } from "./contract.ts";

/** Every kind of operation. The registry in `operations/index.ts` has one rule for each; so does the database's enum. */
export const operationKinds = [
  "register",
  "cancel",
  "cancel_manual_refund",
  "cancel_with_refund",
  "confirm_payment",
  "suspend",
  "resume",
  "reserve_termination",
  "withdraw_reservation",
  "terminate",
  "delete",
  "refund_payment",
  "record_manual_refund",
  "waive_refund",
  "replace_subscription",
  "start",
  "terminate_at_renewal",
  "end_special_period",
  "renew",
  "reserve_by_product_month",
  "release_by_product_month",
  "record_payment",
  "record_payment_failure",
  "record_subscription_change",
  "record_subscription_end",
  "record_refund",
  "record_dispute",
] as const;
export type OperationKind = (typeof operationKinds)[number];

/** Who may cause an operation. The first three are people and their services; only they come through a door. */
export const actorTypes = ["operator", "customer", "service", "schedule", "stripe"] as const;
export type ActorType = (typeof actorTypes)[number];

/** The actors whose requests come through a door, and are refused while an operation of the contract is held. */
export const requestingActorTypes = ["operator", "customer", "service"] as const satisfies readonly ActorType[];

export interface Actor {
  readonly type: ActorType;
  readonly id: string;
}

/**
 * The states of an operation. `requested`, `executing` and `held` are open, the others final.
 * `docs/operation-lifecycle.md` tells who draws each arrow.
 */
export const operationStates = ["requested", "executing", "held", "succeeded", "rejected", "abandoned"] as const;
export type OperationState = (typeof operationStates)[number];

/** The form of every id that a producer chooses: 1 to 64 letters, digits, dots, underscores or hyphens. */
export const idPattern = /^[A-Za-z0-9._-]{1,64}$/;

const id = z
  .string()
  .regex(idPattern, "must be 1 to 64 letters, digits, '.', '_' or '-'")
  .describe("1 to 64 letters, digits, '.', '_' or '-'.");

/** A business date, as parameters carry it. */
export const businessDateSchema = z
  .string()
  .meta({
    format: "date",
    pattern: datePattern.source,
    description: "An existing date of the business time zone, of the form YYYY-MM-DD, in the years 1900 to 2999.",
  })
  .transform((text, context): BusinessDate => {
    try {
      return parseBusinessDate(text);
    } catch {
      context.addIssue({
        code: "custom",
        message: "must be an existing date of the form YYYY-MM-DD, from 1900 to 2999",
      });
      return z.NEVER;
    }
  });

/** The form of a plan's digest. */
export const planDigestPattern = /^[0-9a-f]{64}$/;

/** The most characters that a reason may have: a paragraph, not a document. */
export const reasonLengthMax = 2_000;

/**
 * A request to carry out an operation, as every door takes it. `id` is chosen by the requester and is the idempotency
 * key: the same id with the same content is the same operation, however often it is sent. `requestedAt` is no part of
 * the content. The parameters are checked when the operation is admitted, against its kind's own schema. With
 * `expectedPlan`, the digest of a preview, it is carried out only if it would still do what the preview said.
 */
export const operationRequestSchema = z.strictObject({
  id: id.describe(
    "The idempotency key, chosen by the requester: the same id with the same content is the same operation, however often it is sent. 1 to 64 letters, digits, '.', '_' or '-'.",
  ),
  kind: z.enum(operationKinds).describe("What is to be done."),
  contractId: id.describe("The contract: 1 to 64 letters, digits, '.', '_' or '-'."),
  actor: z
    .strictObject({
      type: z.enum(requestingActorTypes),
      id: z.string().min(1).max(128).describe("Who of that type; for a customer, the contract's customerId."),
    })
    .describe("Who asks."),
  params: z
    .record(z.string(), z.json())
    .optional()
    .describe("The parameters of the kind. They are judged when the operation's turn comes, not when it is accepted."),
  reason: z
    .string()
    .max(reasonLengthMax)
    .optional()
    .describe("Why, in words; no names and no mail addresses, since it is kept and shown."),
  requestedAt: z.iso
    .datetime({ offset: true })
    .optional()
    .describe(
      "When it was asked for, at most 31 days back and 5 minutes ahead; now, when left out. No part of the content.",
    ),
  expectedPlan: z
    .string()
    .regex(planDigestPattern, "must be the digest of a preview: 64 hexadecimal digits")
    .optional()
    .describe("The digest of a preview: the operation is carried out only if it would still do what the preview said."),
});
export type OperationRequest = z.infer<typeof operationRequestSchema>;

/** What may be sent to Stripe as refunds without a person's word, in the currency's minor unit; null for any amount. */
export interface Brakes {
  /** `REFUND_LIMIT`: the most that one refund may come to. */
  readonly refundLimitMinor: number | null;
  /** `REFUND_LIMIT_PER_HOUR`: the most that all refunds together may come to in a clock hour. */
  readonly refundLimitPerHourMinor: number | null;
}

/** What the installation has decided about money, by its settings. */
export interface MoneyPolicy {
  /** `REFUND_CUTOFF_DATE`: what was paid on or before this date is never refunded by a deletion. */
  readonly refundCutoffOn: BusinessDate;
  /** `LATE_PAYMENT`: whether money that came after the end of its contract is refunded or kept. */
  readonly latePayment: "refund" | "keep";
}

/**
 * Everything that a rule may know: the request, the day it counts for, and our own rows as they stood at one moment.
 * Plain data, so that it can be frozen in the journal with the first call and read back unchanged.
 */
export interface Facts {
  readonly operation: {
    readonly id: string;
    readonly kind: OperationKind;
    readonly contractId: string;
    readonly actor: Actor;
    readonly params: unknown;
    /** Whether the requester said why. The words themselves are no rule's business. */
    readonly hasReason: boolean;
  };
  /** The business date of the moment at which the queue (or the ledger, where earlier) took the request. */
  readonly today: BusinessDate;
  /** That moment itself. */
  readonly takenAt: Instant;
  /** The business time zone, an IANA name. */
  readonly zone: string;
  /** The contract with its rows; null when there is none of this id. */
  readonly world: ContractWorld | null;
  /** What remains of a deleted contract of this id; null unless there was one. */
  readonly tombstone: Tombstone | null;
  /** The operation of this contract that waits for a person, if there is one. */
  readonly heldOperationId: string | null;
  /** What the installation has decided about money. */
  readonly policy: MoneyPolicy;
  /** For `register` and `replace_subscription` only: what is known of what the parameters name. */
  readonly catalog: {
    readonly product: Product | null;
    readonly customerKnown: boolean;
    /** Whether another contract has the subscription or payment intent that the parameters name. */
    readonly stripeReferenceTaken: boolean;
  } | null;
  /**
   * For `record_payment` only: the payment intents of which Stripe has reported a refund or a dispute when our history did not
   * know them yet. Stripe gives no order.
   */
  readonly reportedEarly: readonly string[];
}
