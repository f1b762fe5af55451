import { type AuditViolation, countContracts, readAuditPage, readAuditViolations } from "../store/audit-page.ts";
import {
  type BookCheck,
  type BookCheckKind,
  beginCheck,
  findUnfinishedCheck,
  noteLooked,
} from "../store/book-checks.ts";
import type { Database } from "../store/database.ts";
import { isConflict } from "../store/store-error.ts";
import type { Invariant, InvariantId } from "./invariant.ts";
import { invariants } from "./invariants.ts";

/** How much of an invariant was checked, and how much of it does not hold. */
export interface AuditCount {
  readonly checked: number;
  readonly violations: number;
}

export type AuditCounts = Readonly<Partial<Record<InvariantId, AuditCount>>>;
export type AuditCheck = BookCheck<AuditCounts>;

export interface AuditDeps {
  readonly db: Database;
  /** Told of every violation, as it is found. */
  readonly onViolation: (invariant: Invariant, violation: AuditViolation) => void;
  /** Told how far it has come, after each page: a share from 0 to 1. */
  readonly onPage?: (check: AuditCheck, invariant: Invariant, share: number) => void;
  /** Aborted to end after the page at hand. */
  readonly stopping: AbortSignal;
  readonly pageSize?: number;
}

/** How an audit ended. Whatever is not `finished` can be resumed; `overtaken`: somebody else is at the same one. */
export interface AuditReport {
  readonly type: "finished" | "interrupted" | "overtaken";
  readonly counts: AuditCounts;
}

/** A page's statements take some tens of milliseconds, and hold the rows of so many contracts at once. */
const pageSizeDefault = 2_000;

export async function beginAudit(db: Database, askedBy: BookCheckKind["askedBy"]): Promise<AuditCheck> {
  const counts: AuditCounts = Object.fromEntries(invariants.map(({ id }) => [id, { checked: 0, violations: 0 }]));
  return beginCheck(db, { kind: "audit", askedBy }, { total: await countContracts(db), counts });
}

/** The last one that was interrupted. */
export function findUnfinishedAudit(db: Database, askedBy: BookCheckKind["askedBy"]): Promise<AuditCheck | undefined> {
  return findUnfinishedCheck<AuditCounts>(db, { kind: "audit", askedBy });
}

/**
 * Checks one invariant after the other, page by page, from where the audit stands to its end. It only reads, but for how far it
 * has come. What is written meanwhile is seen in the one page or the other: each page is one moment.
 */
export async function audit(deps: AuditDeps, begun: AuditCheck): Promise<AuditReport> {
  const { pageSize = pageSizeDefault } = deps;
  let check = begun;
  try {
    for (;;) {
      const place = placeOf(check.cursor);
      const invariant = invariants[place.number];
      if (invariant === undefined) return { type: "finished", counts: check.counts };
      if (deps.stopping.aborted) return { type: "interrupted", counts: check.counts };
      check = await checkPage(deps, check, invariant, place, pageSize);
      const { checked = 0 } = check.counts[invariant.id] ?? {};
      const within = Math.min(checked / Math.max(check.total, 1), 1);
      deps.onPage?.(check, invariant, (place.number + within) / invariants.length);
    }
  } catch (error) {
    if (isConflict(error)) return { type: "overtaken", counts: check.counts };
    throw error;
  }
}

/** Which invariant is at hand, and the last of its keys that was checked. */
interface Place {
  readonly number: number;
  readonly after: string;
}

/** The cursor is the invariant's place in the list and the key: `2:contract-17`. */
function placeOf(cursor: string): Place {
  const colon = cursor.indexOf(":");
  return colon === -1
    ? { number: 0, after: "" }
    : { number: Number(cursor.slice(0, colon)), after: cursor.slice(colon + 1) };
}

async function checkPage(
  { db, onViolation }: AuditDeps,
  check: AuditCheck,
  invariant: Invariant,
  { number, after }: Place,
  pageSize: number,
): Promise<AuditCheck> {
  const { last, checked } = await readAuditPage(db, invariant.page, after, pageSize);
  const violations = await readAuditViolations(db, invariant.violations, after, last ?? after);
  const isLastPage = last === null || checked < pageSize;
  const before = check.counts[invariant.id] ?? { checked: 0, violations: 0 };
  const noted = await noteLooked(db, check, {
    cursor: isLastPage ? `${number + 1}:` : `${number}:${last}`,
    looked: check.looked + checked,
    counts: {
      ...check.counts,
      [invariant.id]: { checked: before.checked + checked, violations: before.violations + violations.length },
    },
    findings: violations.map((violation) => ({ type: invariant.id, ...violation })),
    isLast: isLastPage && number + 1 === invariants.length,
  });
  for (const violation of violations) onViolation(invariant, violation);
  return noted;
}
