/*
 * What the judge knows: rows as the database gives them, what Stripe's stand-in, the mail server and the producers have written down.
 * Nothing here comes from the program that is judged, and nothing of it is imported: the words are the tables' own.
 */

export interface ContractRow {
  readonly id: string;
  readonly kind: string;
  readonly payment_method: string;
  readonly status: string;
  readonly version: number;
  readonly changed_by_operation_id: string;
  readonly termination_on: string | null;
  readonly termination_source: string | null;
  readonly renewal_due_on: string | null;
  readonly start_on: string;
  readonly stripe_subscription_id: string | null;
  readonly former_stripe_subscription_ids: readonly string[];
  /** A digest of everything that the row says, its version and the moment of its change left out. */
  readonly digest: string;
}

export interface OperationRow {
  readonly id: string;
  readonly sequence: number;
  readonly kind: string;
  readonly contract_id: string;
  readonly actor_type: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly state: string;
  readonly attempt: number;
  readonly occupies: boolean;
  readonly accepted_at_ms: number;
  readonly concluded_at_ms: number | null;
  readonly rejection_code: string | null;
  readonly outcome: {
    readonly statusBefore?: string | null;
    readonly statusAfter?: string | null;
    readonly superseded?: boolean;
  } | null;
  readonly held_question: unknown;
}

export interface CallRow {
  readonly operation_id: string;
  readonly name: string;
  readonly type: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly idempotency_key: string | null;
  readonly key_number: number | null;
  readonly first_sent_at_ms: number | null;
  readonly answer: Readonly<Record<string, unknown>> | null;
  readonly answered_at_ms: number | null;
  readonly learned_by: string | null;
  readonly request_id: string | null;
}

export interface PaymentRow {
  readonly id: string;
  readonly contract_id: string;
  readonly subject: string;
  readonly period: number | null;
  readonly state: string;
  readonly amount_minor: number;
  readonly stripe_payment_intent_id: string | null;
}

export interface RefundRow {
  readonly id: string;
  readonly contract_id: string;
  readonly payment_id: string;
  readonly state: string;
  readonly amount_minor: number;
  readonly stripe_payment_intent_id: string | null;
  readonly stripe_refund_id: string | null;
  readonly operation_id: string;
}

export interface EventRow {
  readonly id: string;
  readonly state: string;
  readonly operation_id: string | null;
}

export interface NotificationRow {
  readonly id: number;
  readonly cause: string;
  readonly kind: string;
  readonly recipient: string;
  readonly state: string;
}

export interface RunRow {
  readonly date: string;
  readonly state: string;
  readonly started_at_ms: number;
}

/** The tables at one moment. */
export interface Tables {
  readonly contracts: readonly ContractRow[];
  readonly operations: readonly OperationRow[];
  readonly calls: readonly CallRow[];
  readonly payments: readonly PaymentRow[];
  readonly refunds: readonly RefundRow[];
  readonly events: readonly EventRow[];
  readonly notifications: readonly NotificationRow[];
  readonly runs: readonly RunRow[];
  /** Contracts that were deleted. */
  readonly tombstones: readonly string[];
  /** Operations of deleted contracts, of which only the ids are known. */
  readonly erased: readonly string[];
}

/** One entry of the stand-in's ledger, as its control tells it. */
export interface Effect {
  readonly sequence: number;
  readonly effect: string;
  readonly object: string;
  readonly objectId: string;
  readonly amount?: number;
  readonly status?: string;
  readonly subscription?: string;
  readonly paymentIntent?: string;
  readonly charge?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  readonly requestId: string | null;
}

/** One request that reached the stand-in. */
export interface SentRequest {
  readonly sequence: number;
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly parametersDigest: string;
  readonly idempotencyKey?: string;
  readonly requestId: string;
  readonly status: number | null;
  readonly replayed: boolean;
  readonly fault?: string;
}

export interface MailTaken {
  readonly messageId: string;
  readonly to: string;
}

/** What a caller was told: a door's answer, or the state that they read there later. */
export interface ToldAnswer {
  readonly at: number;
  readonly operationId: string;
  readonly contractId: string;
  readonly said: string | { readonly state: string };
  readonly isOther?: true;
}

/** A subscription as the stand-in shows it. */
export interface SubscriptionSeen {
  readonly id: string;
  readonly status: string;
  readonly cancelAtPeriodEnd: boolean;
  readonly cancelAt: number | null;
}

/** What only the world at rest can show. */
export interface AtRest {
  readonly subscriptions: readonly SubscriptionSeen[];
  /** Ids of the events that the stand-in has made and that were asked for, oldest first. */
  readonly eventIds: readonly string[];
  /** Connections of the program and what they are at. */
  readonly connections: readonly { readonly name: string; readonly state: string }[];
  /** The most connections that the program may have. */
  readonly connectionsMax: number;
  /** Open files of each process, when it had just started and at the end. */
  readonly files: readonly { readonly name: string; readonly before: number; readonly after: number }[];
  /** A digest of all tables, before the queue was wiped and all processes were started anew, and after. */
  readonly restart: {
    readonly before: Readonly<Record<string, string>>;
    readonly after: Readonly<Record<string, string>>;
  };
  /** The dates between which every one was owed, both included. */
  readonly datesOwed: { readonly first: string; readonly last: string };
  readonly limits: { readonly perSecond: number; readonly perEndpoint: number };
}

export interface Evidence {
  readonly tables: Tables;
  /** The tables as they were read one second after the other, oldest first; the last two are enough for what compares neighbours. */
  readonly before: Tables | undefined;
  /** Everything of the journal and of the ledger of operations that was ever seen, though it may have been erased since. */
  readonly seenCalls: readonly CallRow[];
  readonly seenOperations: readonly OperationRow[];
  readonly ledger: readonly Effect[];
  readonly requests: readonly SentRequest[];
  readonly mails: readonly MailTaken[];
  readonly told: readonly ToldAnswer[];
}

/** Everything, once all has settled. */
export type FinalEvidence = Evidence & { readonly rest: AtRest };

/** How often something was checked, and what did not hold, a sentence each. */
export interface Verdict {
  readonly checked: number;
  readonly violations: readonly string[];
}

/** What must hold at any moment. */
export interface SafetyJudge {
  readonly id: string;
  readonly claim: string;
  judge(evidence: Evidence): Verdict;
}

/** What must hold once all has settled. */
export interface RestJudge {
  readonly id: string;
  readonly claim: string;
  judge(evidence: FinalEvidence): Verdict;
}

/** The operation and the call of a key of the program: `keiyaku:<operation>:<call>:<number>`. */
export function ownerOfKey(
  key: string | undefined,
): { readonly operationId: string; readonly call: string } | undefined {
  const [prefix, operationId, ...rest] = (key ?? "").split(":");
  if (prefix !== "keiyaku" || operationId === undefined || rest.length < 2) return undefined;
  return { operationId, call: rest.slice(0, -1).join(":") };
}

/** Groups things by a key. */
export function grouped<T>(things: readonly T[], keyOf: (thing: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const key = keyOf(thing);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [thing]);
    else group.push(thing);
  }
  return groups;
}
