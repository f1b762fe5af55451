import { sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { Database } from "./database.ts";
import { json, settlingStatement } from "./guarded-statement.ts";
import { ringSenders } from "./notify-soon.ts";
import { type OperationView, toView, type ViewRow } from "./read-operation.ts";
import { changeParts, contractsPart, type Decision, productsUnchangedPart } from "./settlement-parts.ts";

/** A request that a queue took at `queuedAtMs`, in milliseconds since 1970, and that the ledger does not know yet. */
export interface QueuedRequest {
  readonly request: unknown;
  readonly queuedAtMs: number;
}

/**
 * What deciding about each of the requests needs, as its operation would see it, on one snapshot; undefined for one that has to
 * go the whole way. Writes and locks nothing.
 */
export async function viewToSettle(
  db: Database,
  queued: readonly QueuedRequest[],
): Promise<readonly (OperationView | undefined)[]> {
  const rows = await db.run<{ view: ViewRow | null }>(
    "view_to_settle",
    sql`select keiyaku.view_to_settle(q -> 'request',
        'epoch'::timestamptz + (q ->> 'queuedAtMs')::float8 * interval '1 millisecond') as view
      from jsonb_array_elements(${json(queued)}) with ordinality as queued(q, place) order by place`,
    { shared: true },
  );
  return rows.map(({ view }) => (view === null ? undefined : toView(view)));
}

/** A request, what it does to a contract that stands, and since when it was the queue's, which dated the decision. */
export interface SettledRequest {
  readonly request: unknown;
  readonly takenAt: Instant;
  readonly decision: Decision;
  /** What the ledger keeps of it: the status before and after, and what a person should know. */
  readonly outcome: Readonly<Record<string, unknown>>;
}

/**
 * Accepts, admits and settles requests of different contracts in one guarded statement: all of them take effect, or none. A
 * conflict means that nothing was written: one of them was decided from what is so no more, is known already, or is not its
 * contract's next.
 */
export async function settleRequests(db: Database, requests: readonly SettledRequest[]): Promise<void> {
  // Whoever locks several contracts does so in this order.
  const sorted = requests.toSorted((a, b) => (a.decision.contractId < b.decision.contractId ? -1 : 1));
  const decisions = sorted.map(({ decision }) => decision);
  const parts = [contractsPart(decisions), ...productsUnchangedPart(decisions), ...changeParts(decisions)];
  const accepted = sorted.map(({ request, takenAt, outcome }) => ({ request, takenAt, outcome }));
  await db.run("settle_requests", settlingStatement(parts, accepted), { shared: true });
  if (decisions.some(({ change }) => (change.notices ?? []).length > 0)) ringSenders(db);
}
