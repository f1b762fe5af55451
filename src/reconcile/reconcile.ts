import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { eachAtOnce } from "../each-at-once.ts";
import type { Preview } from "../execution/preview-operation.ts";
import {
  type BookCheck,
  type BookCheckKind,
  beginCheck,
  findUnfinishedCheck,
  noteLooked,
} from "../store/book-checks.ts";
import type { Database } from "../store/database.ts";
import { type BookedContract, countBooks, knownSubscriptions, readBooks, readBooksPage } from "../store/read-books.ts";
import { type AskedRepair, repairActorIds, requestRepair } from "../store/request-repair.ts";
import { isConflict } from "../store/store-error.ts";
import type { Unrequested } from "../store/view-unrequested.ts";
import type { Fault } from "../stripe/fault.ts";
import { compare } from "./compare.ts";
import type { Difference, DifferenceType, Repair } from "./difference.ts";
import { type AskedStripe, lookAtStripe, NotTold } from "./look-at-stripe.ts";

export interface ReconcileDeps {
  readonly db: Database;
  readonly connection: AskedStripe;
  readonly clock: Pick<Clock, "sleep">;
  /** The business time zone. */
  readonly zone: string;
  /** How to ask for the operations that put right what they can; null to ask for none. */
  readonly repair: Repairing | null;
  /** Told of everything that is not as it should be, as it is found. */
  readonly onFound: (found: Found) => void;
  /** Told how far it has come, after each page. */
  readonly onPage?: (check: ReconcileCheck) => void;
  /** Aborted to end after the page at hand. */
  readonly stopping: AbortSignal;
  readonly pageSize?: number;
}

export interface Repairing {
  /** Tells what an operation would do, if it were carried out now. */
  readonly foresee: (wanted: Unrequested) => Promise<Preview>;
  /** Whether also to ask for what gives money back. */
  readonly mayRefund: boolean;
}

/** What a look through the books finds of a contract that is not equal. */
export type Found =
  | {
      readonly type: "difference";
      readonly difference: Difference;
      /** The operation that was asked for; null where none was. */
      readonly asked: AskedRepair | null;
      /** True where none was asked for because putting the contract right gives money back, which nobody has asked to do. */
      readonly givesBack?: true;
    }
  /** It kept changing: neither equal nor a difference. */
  | { readonly type: "busy"; readonly contractId: string }
  /** Stripe has not told of it what was asked. */
  | { readonly type: "unread"; readonly contractId: string; readonly fault: Fault };

/** What was found so far. */
export interface ReconcileCounts {
  /** Those for which no operation was asked, by type. */
  readonly differences: Readonly<Partial<Record<DifferenceType, number>>>;
  /** Those for which one was. */
  readonly asked: number;
  readonly busy: number;
  readonly unread: number;
}

export type ReconcileCheck = BookCheck<ReconcileCounts>;

/**
 * How a look through the books ended. Whatever is not `finished` can be resumed; `overtaken`: somebody else is at the same
 * one, or has begun a new one.
 */
export type ReconcileReport = Pick<ReconcileCheck, "looked" | "total" | "counts"> &
  (
    | { readonly type: "finished" }
    | { readonly type: "interrupted" }
    | { readonly type: "overtaken" }
    | { readonly type: "failed"; readonly fault: Fault }
  );

const nothing: ReconcileCounts = { differences: {}, asked: 0, busy: 0, unread: 0 };

/** Four seconds' worth of what Stripe lets one endpoint be asked: as long as it takes to stop. */
const pageSizeDefault = 100;

/** With a tenth of a second or two to Stripe and back, close to what it lets one endpoint be asked; the gateway's pace holds that. */
const atOnce = 8;

/** A report of Stripe's is here and applied within seconds: what differs still after these was not on its way. */
const lookAgainAfterMs = 5_000;

/** Begins a look through all contracts by card. */
export async function beginReconcile(db: Database, askedBy: BookCheckKind["askedBy"]): Promise<ReconcileCheck> {
  return beginCheck(db, { kind: "reconcile", askedBy }, { total: await countBooks(db), counts: nothing });
}

/** The last one that was interrupted. */
export function findUnfinishedReconcile(
  db: Database,
  askedBy: BookCheckKind["askedBy"],
): Promise<ReconcileCheck | undefined> {
  return findUnfinishedCheck<ReconcileCounts>(db, { kind: "reconcile", askedBy });
}

/**
 * Holds contract by contract against Stripe, from where the look stands to the end, page by page by the contracts' ids. How
 * far it has come moves with each page: one that is interrupted, or dies, goes on there. Reading twice changes nothing, and
 * asking for the same operation twice is one effect.
 *
 * Throws what the database does.
 */
export async function reconcile(deps: ReconcileDeps, begun: ReconcileCheck): Promise<ReconcileReport> {
  const { db, pageSize = pageSizeDefault } = deps;
  let check = begun;
  for (;;) {
    if (deps.stopping.aborted) return { type: "interrupted", ...check };
    const page = await readBooksPage(db, check.cursor, pageSize);
    try {
      const found = await lookThrough(deps, page);
      for (const each of found) deps.onFound(each);
      check = await noteLooked(db, check, {
        cursor: page.at(-1)?.contract.id ?? check.cursor,
        looked: check.looked + page.length,
        counts: counted(check.counts, found),
        findings: found.map(toFinding),
        isLast: page.length < pageSize,
      });
    } catch (error) {
      if (error instanceof NotTold) return { type: "failed", fault: error.fault, ...check };
      if (isConflict(error)) return { type: "overtaken", ...check };
      // It was told to stop while it waited: the page is begun anew when it is resumed.
      if (error instanceof Error && error.name === "AbortError") return { type: "interrupted", ...check };
      throw error;
    }
    deps.onPage?.(check);
    if (page.length < pageSize) return { type: "finished", ...check };
  }
}

/** Holds one contract against Stripe. Throws {@link NotTold} where Stripe cannot be asked at all. */
export async function reconcileOne(deps: ReconcileDeps, books: BookedContract): Promise<ReconcileCounts> {
  const found = await lookThrough(deps, [books]);
  for (const each of found) deps.onFound(each);
  return counted(nothing, found);
}

type Looked =
  | { readonly type: "equal" }
  | { readonly type: "busy" }
  | { readonly type: "unread"; readonly fault: Fault }
  | { readonly type: "differs"; readonly differences: readonly Difference[]; readonly version: number };

/**
 * What a page comes to. What differs, or is busy, is looked at a second time, a little later: a report that was on its way
 * is no difference.
 */
async function lookThrough(deps: ReconcileDeps, page: readonly BookedContract[]): Promise<readonly Found[]> {
  const again: string[] = [];
  await eachAtOnce(page, atOnce, async (books) => {
    if ((await examine(deps, books)).type !== "equal") again.push(books.contract.id);
  });
  if (again.length === 0) return [];
  await deps.clock.sleep(lookAgainAfterMs, deps.stopping);
  const found = new Map<string, readonly Found[]>();
  await eachAtOnce(again, atOnce, async (contractId) => {
    found.set(contractId, await foundOf(deps, contractId, await lookAgain(deps, contractId)));
  });
  return again.toSorted().flatMap((contractId) => found.get(contractId) ?? []);
}

async function examine(deps: ReconcileDeps, books: BookedContract): Promise<Looked> {
  if (books.isBusy) return { type: "busy" };
  try {
    const stripe = await lookAtStripe(
      { ...deps, knownSubscriptions: (ids) => knownSubscriptions(deps.db, ids) },
      books,
    );
    const differences = compare(books, stripe, deps.zone);
    return differences.length === 0
      ? { type: "equal" }
      : { type: "differs", differences, version: books.contract.version };
  } catch (error) {
    // What is wrong with the way, or our key, is wrong for all contracts.
    if (!(error instanceof NotTold) || error.fault.type === "not_now") throw error;
    return { type: "unread", fault: error.fault };
  }
}

/** Looks once more, and makes sure that nothing changed here meanwhile. One that was deleted is nothing any more. */
async function lookAgain(deps: ReconcileDeps, contractId: string): Promise<Looked> {
  const books = await readBooks(deps.db, contractId);
  if (books === undefined) return { type: "equal" };
  const looked = await examine(deps, books);
  if (looked.type !== "differs") return looked;
  const after = await readBooks(deps.db, contractId);
  return after?.contract.version === books.contract.version && !after.isBusy ? looked : { type: "busy" };
}

async function foundOf(deps: ReconcileDeps, contractId: string, looked: Looked): Promise<readonly Found[]> {
  switch (looked.type) {
    case "equal":
      return [];
    case "busy":
      return [{ type: "busy", contractId }];
    case "unread":
      return [{ type: "unread", contractId, fault: looked.fault }];
    case "differs":
      return deps.repair !== null
        ? askForRepairs({ ...deps, repair: deps.repair }, contractId, looked)
        : looked.differences.map((difference) => ({ type: "difference", difference, asked: null }));
  }
}

/** Asks for what puts the differences right, each operation once, in the order in which money comes before status. */
async function askForRepairs(
  { db, repair: repairing }: ReconcileDeps & { readonly repair: Repairing },
  contractId: string,
  { differences, version }: Extract<Looked, { type: "differs" }>,
): Promise<readonly Found[]> {
  const { mayRefund } = repairing;
  let givesBack = false;
  const asked = new Map<string, AskedRepair>();
  const found: Found[] = [];
  try {
    for (const difference of differences.toSorted((a, b) => turnOf(a) - turnOf(b))) {
      const { repair } = difference;
      if (repair === null) {
        found.push({ type: "difference", difference, asked: null });
        continue;
      }
      const operationId = repairId(contractId, version, repair, mayRefund);
      givesBack ||= !mayRefund && !asked.has(operationId) && (await wouldGiveBack(repairing, contractId, repair));
      if (givesBack) {
        found.push({ type: "difference", difference, asked: null, givesBack });
        continue;
      }
      const operation =
        asked.get(operationId) ?? (await requestRepair(db, { operationId, contractId, version, mayRefund, ...repair }));
      asked.set(operationId, operation);
      found.push({ type: "difference", difference, asked: operation });
    }
    return found;
  } catch (error) {
    // It has changed since it was looked at: what was asked for by then stands.
    if (isConflict(error)) return [...found, { type: "busy", contractId }];
    throw error;
  }
}

/**
 * Whether an operation would give money back. What comes after it of the same contract goes by what it leaves, and is not asked for
 * either. Throws {@link NotTold} where Stripe does not say.
 */
async function wouldGiveBack({ foresee }: Repairing, contractId: string, { kind, params }: Repair): Promise<boolean> {
  const actor = { type: "stripe", id: repairActorIds.withoutRefunds } as const;
  const foreseen = await foresee({ kind, contractId, actor, params });
  if (foreseen.type === "not_now") throw new NotTold({ ...foreseen, requestId: null });
  // What nobody can foresee is not asked for.
  return foreseen.type === "unexplained" || foreseen.plan.calls.some(({ verb }) => verb === "refund_payment");
}

/**
 * What was paid is recorded first: it decides what becomes of the status. An end comes last; but of a contract that waits for
 * its payment still, an end collects everything that was paid, and knows that nothing came after it.
 */
const turns = ["record_payment", "record_refund", "record_subscription_change", "record_subscription_end"];

function turnOf({ repair, detail }: Difference): number {
  const collects = repair?.kind === "record_subscription_end" && detail.status === "awaiting_payment";
  return repair === null || collects ? -1 : turns.indexOf(repair.kind);
}

/**
 * The id of the operation that puts a difference right: the same for the same contract as it stood, so that asking twice is
 * one effect; another once the contract has changed, when the same difference is a new one.
 */
function repairId(contractId: string, version: number, { kind, params }: Repair, mayRefund: boolean): string {
  const content = JSON.stringify([contractId, version, kind, params, ...(mayRefund ? ["with_refunds"] : [])]);
  return `reconcile.${createHash("sha256").update(content).digest("hex").slice(0, 40)}`;
}

/** Whether an operation was asked for that will still be carried out, or already was. */
export function isTakenCareOf(asked: AskedRepair | null): boolean {
  return asked !== null && asked.state !== "rejected" && asked.state !== "abandoned";
}

function counted(counts: ReconcileCounts, found: readonly Found[]): ReconcileCounts {
  const differences: Partial<Record<DifferenceType, number>> = { ...counts.differences };
  let { asked, busy, unread } = counts;
  for (const each of found) {
    if (each.type === "busy") busy += 1;
    else if (each.type === "unread") unread += 1;
    else if (isTakenCareOf(each.asked)) asked += 1;
    else differences[each.difference.type] = (differences[each.difference.type] ?? 0) + 1;
  }
  return { differences, asked, busy, unread };
}

/** What is kept of it: no more than ids, dates, statuses and amounts. */
function toFinding(found: Found): object {
  if (found.type !== "difference") return { type: found.type, contractId: found.contractId };
  const { type, contractId, detail } = found.difference;
  return { type, contractId, detail, operationId: found.asked?.operationId ?? null };
}
