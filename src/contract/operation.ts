import { z } from "zod";
import type { BusinessDate, Instant } from "./calendar.ts";
import type { ContractWorld, Product } from "./contract.ts";

/** Every kind of operation. The registry in `operations/index.ts` has one rule for each; so does the database's enum. */
export const operationKinds = [
  "register",
  "cancel",
  "cancel_with_refund",
  "confirm_payment",
  "suspend",
  "resume",
  "reserve_termination",
  "withdraw_reservation",
  "terminate",
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

const id = z.string().regex(idPattern, "must be 1 to 64 letters, digits, '.', '_' or '-'");

/** The most characters that a reason may have: a paragraph, not a document. */
export const reasonLengthMax = 2_000;

/**
 * A request to carry out an operation, as every door takes it. `id` is chosen by the requester and is the idempotency
 * key: the same id with the same content is the same operation, however often it is sent. `requestedAt` is no part of
 * the content. The parameters are checked when the operation is admitted, against its kind's own schema.
 */
export const operationRequestSchema = z.strictObject({
  id,
  kind: z.enum(operationKinds),
  contractId: id,
  actor: z.strictObject({ type: z.enum(requestingActorTypes), id: z.string().min(1).max(128) }),
  params: z.record(z.string(), z.json()).optional(),
  reason: z.string().max(reasonLengthMax).optional(),
  requestedAt: z.iso.datetime({ offset: true }).optional(),
});
export type OperationRequest = z.infer<typeof operationRequestSchema>;

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
  };
  /** The business date of the moment at which the queue (or the ledger, where earlier) took the request. */
  readonly today: BusinessDate;
  /** That moment itself. */
  readonly takenAt: Instant;
  /** The business time zone, an IANA name. */
  readonly zone: string;
  /** The contract with its rows; null when there is none of this id. */
  readonly world: ContractWorld | null;
  /** Whether a contract of this id was deleted and only its tombstone remains. */
  readonly deleted: boolean;
  /** The operation of this contract that waits for a person, if there is one. */
  readonly heldOperationId: string | null;
  /** For `register` only: what the catalog knows of the product and customer that the parameters name. */
  readonly catalog: {
    readonly product: Product | null;
    readonly customerKnown: boolean;
    /** Whether another contract has the subscription or payment intent that the parameters name. */
    readonly stripeReferenceTaken: boolean;
  } | null;
}
