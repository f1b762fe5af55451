import type { FaultRule } from "../core/fault-rule.ts";
import type { PendingFault } from "../core/faults.ts";
import type { LedgerEntry } from "../core/ledger.ts";
import type { RateLimitsInput } from "../core/rate-limits.ts";
import type { RequestRecord } from "../core/request-log.ts";
import type { RefundOutcome } from "../core/stored.ts";
import type { Dunning } from "../core/world.ts";
import type { DeliveryRecord } from "../webhooks/delivery.ts";
import type { DisturbanceRule } from "../webhooks/disturbance.ts";
import type { ReleaseInput } from "../webhooks/release.ts";
import type { WebhookEndpointInput } from "../webhooks/webhook-endpoint.ts";
import type { CardDecline, ClockStep } from "./circumstances.ts";
import type { Seed, SeedReport } from "./seed-schema.ts";

/**
 * What only the outside world, Stripe's insides or a test can do to the stand-in.
 *
 * The same from the process that runs it and, over HTTP, from another. Every method rejects with an Error in a sentence
 * when what it is asked for does not fit; nothing has happened then.
 */
export interface StandInControl {
  /** Creates objects with ids and dates of the caller's choice: all of them or none. */
  seed(seed: Seed): Promise<SeedReport>;
  /** Everything that took place, in order; only what came after a sequence number, when one is given. */
  ledger(after?: number): Promise<LedgerEntry[]>;
  /** Every request to `/v1`, in the order of arrival; only those after a sequence number, when one is given. */
  requests(after?: number): Promise<RequestRecord[]>;

  /** Adds a rule: the next requests that match it meet its fault. */
  fault(rule: FaultRule): Promise<void>;
  /** The rules that are not used up. */
  pendingFaults(): Promise<PendingFault[]>;
  /** Drops all rules. Requests that are held already stay held. */
  clearFaults(): Promise<void>;
  /** Lets all held requests go on at once; returns how many there were. */
  releaseHeld(): Promise<number>;
  /** A process of Stripe's own begins to work on an object: requests that would change it wait, and then meet a 429. */
  lockObject(object: string): Promise<void>;
  unlockObject(object: string): Promise<void>;
  /** How long a request waits for an object that somebody is at work on: two seconds unless set. */
  setLockWait(ms: number): Promise<void>;

  /** The customer pays an open invoice, as on its hosted page. */
  payInvoice(invoice: string): Promise<void>;
  /** A refund that was accepted fails; what it gave back can be refunded again. */
  failRefund(refund: string, reason?: string): Promise<void>;
  /** A pending refund succeeds. */
  succeedRefund(refund: string): Promise<void>;
  /** The bank tells the reference of a refund that has succeeded: its status stays, but events tell of it. */
  referenceRefund(refund: string, reference: string): Promise<void>;
  /** The cardholder authenticates a payment that waits for it (`requires_action`), and the card pays. */
  authenticate(paymentIntent: string): Promise<void>;
  /** The cardholder disputes a charge: it can no longer be refunded. Gives the dispute's id. */
  dispute(charge: string, details?: DisputeDetails): Promise<string>;
  /** The bank decides a dispute. The money of one that is won comes back and can be refunded again. */
  closeDispute(dispute: string, outcome: "won" | "lost"): Promise<void>;
  /** The next refunds are created in this status. */
  setRefundOutcome(status: RefundOutcome, times?: number): Promise<void>;

  /** The next payments of a customer, or with a card, or all, are refused. */
  declineCards(decline: CardDecline): Promise<void>;
  /** What refunds can be taken from; a refund of more is pending until money comes. Null for more than enough. */
  setBalance(available: number | null): Promise<void>;
  /** What is left of the balance; null for more than enough. */
  balance(): Promise<number | null>;
  /** When Stripe tries again to collect an invoice, and what becomes of it in the end. What is left out stays. */
  setDunning(dunning: Partial<Dunning>): Promise<void>;
  /** How many days before a renewal `invoice.upcoming` tells of it: 7 unless set; null for never. */
  setUpcomingNotice(days: number | null): Promise<void>;
  /** Whether a dispute ends the subscription that its charge paid for. */
  setDisputeCancelsSubscription(cancels: boolean): Promise<void>;
  /** Refuses more requests a second than this, with the limiter's 429. */
  setRateLimits(limits: RateLimitsInput): Promise<void>;

  /** Moves the stand-in's own clock forward and lets everything happen that falls due; gives how many things did. */
  advanceClock(step: ClockStep): Promise<number>;

  /** Delivers events from now on to this address. */
  addWebhookEndpoint(endpoint: WebhookEndpointInput): Promise<{ id: string; secret: string }>;
  removeWebhookEndpoint(endpoint: string): Promise<void>;
  /** Gives the endpoint a new secret. The old one signs beside it for so long, on the stand-in's own clock. */
  rollWebhookSecret(endpoint: string, keepOldForSeconds?: number): Promise<string>;
  /** Adds a rule: the next deliveries that match it are disturbed. */
  disturbDeliveries(rule: DisturbanceRule): Promise<void>;
  /** Keeps all events that are made from now on. */
  holdDeliveries(): Promise<void>;
  /** Delivers what was kept, in the order that is asked for; gives how many. */
  releaseDeliveries(order?: ReleaseInput): Promise<number>;
  /** Every delivery with its attempts, in the order in which they were to go out. */
  deliveries(): Promise<DeliveryRecord[]>;

  /** Forgets all stored idempotency results, as Stripe may after 24 hours; returns how many there were. */
  pruneKeys(): Promise<number>;
  /** Every request to `/v1` waits this long before anything else happens to it. */
  setLatency(ms: number): Promise<void>;
  /** Accepts this API key only; null accepts every key of test mode. */
  setAcceptedKey(key: string | null): Promise<void>;
  /** Forgets everything: objects, ledger, requests, keys, rules and settings, in the state file too. */
  reset(): Promise<void>;
}

export interface DisputeDetails {
  /** By default `fraudulent`. */
  readonly reason?: string;
  /** A warning is a question of the bank, before it takes any money. */
  readonly status?: "needs_response" | "warning_needs_response";
}

/** Runs a command of the control by its name, here or in another process. */
export type InvokeCommand = (name: keyof StandInControl, argument: Record<string, unknown>) => Promise<unknown>;

/** The control over any way of running commands. The results have the types that the commands of the same name give. */
export function createControl(invoke: InvokeCommand): StandInControl {
  const run = async <T>(name: keyof StandInControl, argument: Record<string, unknown> = {}) =>
    (await invoke(name, argument)) as T;
  return {
    seed: (seed) => run("seed", { ...seed }),
    ledger: (after = 0) => run("ledger", { after }),
    requests: (after = 0) => run("requests", { after }),
    fault: (rule) => run("fault", { ...rule }),
    pendingFaults: () => run("pendingFaults"),
    clearFaults: () => run("clearFaults"),
    releaseHeld: () => run("releaseHeld"),
    lockObject: (object) => run("lockObject", { object }),
    unlockObject: (object) => run("unlockObject", { object }),
    setLockWait: (ms) => run("setLockWait", { ms }),
    payInvoice: (invoice) => run("payInvoice", { invoice }),
    failRefund: (refund, reason) => run("failRefund", { refund, reason }),
    succeedRefund: (refund) => run("succeedRefund", { refund }),
    referenceRefund: (refund, reference) => run("referenceRefund", { refund, reference }),
    authenticate: (paymentIntent) => run("authenticate", { paymentIntent }),
    dispute: (charge, details = {}) => run("dispute", { charge, ...details }),
    closeDispute: (dispute, outcome) => run("closeDispute", { dispute, outcome }),
    setRefundOutcome: (status, times = 1) => run("setRefundOutcome", { status, times }),
    declineCards: (decline) => run("declineCards", { ...decline }),
    setBalance: (available) => run("setBalance", { available }),
    balance: () => run("balance"),
    setDunning: (dunning) => run("setDunning", { ...dunning }),
    setUpcomingNotice: (days) => run("setUpcomingNotice", { days }),
    setDisputeCancelsSubscription: (cancels) => run("setDisputeCancelsSubscription", { cancels }),
    setRateLimits: (limits) => run("setRateLimits", { ...limits }),
    advanceClock: (step) => run("advanceClock", { ...step }),
    addWebhookEndpoint: (endpoint) => run("addWebhookEndpoint", { ...endpoint }),
    removeWebhookEndpoint: (endpoint) => run("removeWebhookEndpoint", { endpoint }),
    rollWebhookSecret: (endpoint, keepOldForSeconds = 0) => run("rollWebhookSecret", { endpoint, keepOldForSeconds }),
    disturbDeliveries: (rule) => run("disturbDeliveries", { ...rule }),
    holdDeliveries: () => run("holdDeliveries"),
    releaseDeliveries: (order = {}) => run("releaseDeliveries", { ...order }),
    deliveries: () => run("deliveries"),
    pruneKeys: () => run("pruneKeys"),
    setLatency: (ms) => run("setLatency", { ms }),
    setAcceptedKey: (key) => run("setAcceptedKey", { key }),
    reset: () => run("reset"),
  };
}
