import type { FaultRule } from "../core/fault-rule.ts";
import type { PendingFault } from "../core/faults.ts";
import type { LedgerEntry } from "../core/ledger.ts";
import type { RequestRecord } from "../core/request-log.ts";
import type { RefundOutcome } from "../core/stored.ts";
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

  /** The customer pays an open invoice, as on its hosted page. */
  payInvoice(invoice: string): Promise<void>;
  /** A refund that was accepted fails; what it gave back can be refunded again. */
  failRefund(refund: string, reason?: string): Promise<void>;
  /** A pending refund succeeds. */
  succeedRefund(refund: string): Promise<void>;
  /** The cardholder disputes a charge: it can no longer be refunded. */
  dispute(charge: string): Promise<void>;
  /** The next refunds are created in this status. */
  setRefundOutcome(status: RefundOutcome, times?: number): Promise<void>;

  /** Forgets all stored idempotency results, as Stripe may after 24 hours; returns how many there were. */
  pruneKeys(): Promise<number>;
  /** Every request to `/v1` waits this long before anything else happens to it. */
  setLatency(ms: number): Promise<void>;
  /** Accepts this API key only; null accepts every key of test mode. */
  setAcceptedKey(key: string | null): Promise<void>;
  /** Forgets everything: objects, ledger, requests, keys, rules and settings, in the state file too. */
  reset(): Promise<void>;
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
    payInvoice: (invoice) => run("payInvoice", { invoice }),
    failRefund: (refund, reason) => run("failRefund", { refund, reason }),
    succeedRefund: (refund) => run("succeedRefund", { refund }),
    dispute: (charge) => run("dispute", { charge }),
    setRefundOutcome: (status, times = 1) => run("setRefundOutcome", { status, times }),
    pruneKeys: () => run("pruneKeys"),
    setLatency: (ms) => run("setLatency", { ms }),
    setAcceptedKey: (key) => run("setAcceptedKey", { key }),
    reset: () => run("reset"),
  };
}
