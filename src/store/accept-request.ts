import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { type OperationView, toView, type ViewRow } from "./read-operation.ts";
import type { Unreadable } from "./unreadable.ts";

/** The answer of the ledger's door. `accepted` and `duplicate` name the operation; the others the field that is at fault. */
export type Acceptance =
  | { readonly answer: "accepted"; readonly operation: AcceptedOperation }
  | { readonly answer: "duplicate"; readonly operation: AcceptedOperation }
  | { readonly answer: "invalid_request"; readonly field: string; readonly problem: string }
  | { readonly answer: "id_reused"; readonly field: string; readonly problem: string };

export interface AcceptedOperation {
  readonly id: string;
  readonly sequence: number;
  readonly kind: string;
  readonly contractId: string;
  readonly state: string;
  readonly acceptedAt: string;
}

/**
 * Writes a request into the ledger. Repeating it is a `duplicate`; the same id with other content
 * is refused and written down. `queuedAtMs` is when a queue took it, in milliseconds since 1970; null for other doors,
 * for which the workers are notified.
 */
export async function acceptRequest(db: Database, request: unknown, queuedAtMs: number | null): Promise<Acceptance> {
  const statement = sql`select ${requestCall(request, queuedAtMs)} as acceptance`;
  const [row] = await db.run<{ acceptance: Acceptance }>("accept_request", statement);
  if (row === undefined) throw new Error("keiyaku.accept returned no row");
  return row.acceptance;
}

/**
 * The same for whoever carries the operation out at once: brings along what it has to be decided from, as it stands right
 * after the acceptance. Undefined when nothing was accepted.
 */
export async function acceptAndView(
  db: Database,
  request: unknown,
  queuedAtMs: number,
): Promise<{ readonly acceptance: Acceptance; readonly view: OperationView | undefined }> {
  // The subquery keeps its place: first the request is accepted, then the view is taken.
  const statement = sql`select acceptance, keiyaku.operation_view(acceptance #>> '{operation,id}') as view
    from (select ${requestCall(request, queuedAtMs)} as acceptance offset 0) as accepted`;
  const [row] = await db.run<{ acceptance: Acceptance; view: ViewRow | null }>("accept_request", statement);
  if (row === undefined) throw new Error("keiyaku.accept returned no row");
  return { acceptance: row.acceptance, view: row.view === null ? undefined : toView(row.view) };
}

function requestCall(request: unknown, queuedAtMs: number | null) {
  return sql`keiyaku.accept(${JSON.stringify(request)}::text::jsonb,
    ${queuedAtMs === null ? null : queuedAtMs / 1_000}::float8 * interval '1 second' + 'epoch'::timestamptz)`;
}

/** Writes down what could not be read, once for the same content. */
export async function refuseUnreadable(db: Database, refused: Unreadable): Promise<Acceptance> {
  const [row] = await db.run<{ acceptance: Acceptance }>(
    "refuse_unreadable",
    sql`select keiyaku.refuse(${refused.requestId}::text, ${refused.contractId}::text, 'invalid_request', ${refused.field}::text,
      ${refused.problem}::text, ${refused.content}::text, ${refused.sizeBytes}::integer, ${refused.contentHash}::text) as acceptance`,
  );
  if (row === undefined) throw new Error("keiyaku.refuse returned no row");
  return row.acceptance;
}
