import { sql } from "drizzle-orm";
import type { BusinessDate, Instant } from "../contract/calendar.ts";
import { businessDateOf } from "../contract/calendar.ts";
import type { Contract, ContractWorld, License, Payment, Product, Refund, Tombstone } from "../contract/contract.ts";
import type { ActorType, Facts, MoneyPolicy, OperationKind, OperationState } from "../contract/operation.ts";
import type { RejectionCode } from "../contract/rejection.ts";
import type { Answer, Call, Look } from "../contract/step.ts";
import type { Database } from "./database.ts";
import type { HeldQuestion } from "./hold-operation.ts";

/** One row of the ledger, with its instants as ISO 8601 text. */
export interface OperationRow {
  readonly id: string;
  readonly sequence: number;
  readonly kind: OperationKind;
  readonly contractId: string;
  readonly actorType: ActorType;
  readonly actorId: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly reason: string | null;
  readonly expectedPlan: string | null;
  readonly requestedAt: Instant;
  readonly takenAt: Instant;
  readonly acceptedAt: Instant;
  readonly state: OperationState;
  readonly attempt: number;
  readonly attemptsCounted: number;
  readonly occupies: boolean;
  readonly nextAttemptAt: Instant | null;
  readonly waitReason: string | null;
  readonly frozenFacts: Facts | null;
  readonly heldQuestion: Readonly<Record<string, unknown>> | null;
  readonly rejectionCode: RejectionCode | null;
  /** What the code is about, in strings; for `plan_changed` also the new `plan`, an object. */
  readonly rejectionDetail: Readonly<Record<string, unknown>> | null;
  readonly outcome: Readonly<Record<string, unknown>> | null;
  readonly retries: readonly {
    readonly operatorId: string;
    readonly reason: string;
    readonly at: Instant;
    /** What they were asked. */
    readonly question: HeldQuestion;
  }[];
  readonly abandonment: Readonly<Record<string, unknown>> | null;
  readonly concludedAt: Instant | null;
}

/** One row of the journal. */
export interface JournalRow {
  readonly name: string;
  readonly type: "look" | "call";
  readonly request: Look | Call;
  readonly idempotencyKey: string | null;
  readonly keyNumber: number | null;
  readonly answer: Answer | null;
  /**
   * Milliseconds since the first and the last sending under the present key, by the database's clock. Null for looks, and
   * for a call whose every sending under that key was turned away.
   */
  readonly firstSentAgoMs: number | null;
  readonly lastSentAgoMs: number | null;
}

/** An operation with everything that deciding about it needs, as it stood at one moment. */
export interface OperationView {
  readonly operation: OperationRow;
  /** The version of the contract, or of the tombstone that remains of it; null where there is neither. */
  readonly contractVersion: number | null;
  readonly productVersion: number | null;
  readonly world: ContractWorld | null;
  readonly tombstone: Tombstone | null;
  readonly heldOperationId: string | null;
  /**
   * The oldest open operation of the contract that was accepted before this one. Null for one that occupies its contract
   * already: an older one that became visible only later, at the end of a long transaction, comes after it.
   */
  readonly olderOperationId: string | null;
  /** Another operation that occupies the contract. */
  readonly occupiedByOperationId: string | null;
  readonly catalog: Facts["catalog"];
  readonly reportedEarly: Facts["reportedEarly"];
  readonly journal: readonly JournalRow[];
  /** Whether `nextAttemptAt` has come. */
  readonly isDue: boolean;
  /** How long ago an attempt of it last wrote; null before the first. */
  readonly silentMs: number | null;
}

export interface ViewRow extends Record<string, unknown> {
  operation: Record<string, unknown>;
  contract: Record<string, unknown> | null;
  product: Record<string, unknown> | null;
  tombstone: Record<string, unknown> | null;
  payments: Record<string, unknown>[];
  refunds: Record<string, unknown>[];
  licenses: Record<string, unknown>[];
  journal: Record<string, unknown>[];
  catalog: {
    product: Record<string, unknown> | null;
    customerKnown: boolean;
    stripeReferenceTaken: boolean;
  } | null;
}

/**
 * Reads an operation with its contract's world, its journal, and who else is open on the contract, in one statement and
 * so on one snapshot. Undefined when there is no such operation. Locks nothing.
 */
export async function readOperation(db: Database, operationId: string): Promise<OperationView | undefined> {
  const [row] = await db.run<{ view: ViewRow | null }>(
    "read_operation",
    sql`select keiyaku.operation_view(${operationId}) as view`,
  );
  return row?.view ? toView(row.view) : undefined;
}

/** Reads what `keiyaku.operation_view` gives. */
export function toView(row: ViewRow): OperationView {
  const contract = row.contract === null ? null : camelKeys<Contract>(row.contract);
  const product = row.product === null ? null : camelKeys<Product>(row.product);
  const refunds = row.refunds.map((refund) => camelKeys<Refund>(refund));
  const tombstone =
    row.tombstone === null ? null : { ...camelKeys<Omit<Tombstone, "refunds">>(row.tombstone), refunds };
  return {
    operation: camelKeys<OperationRow>(row.operation),
    contractVersion: contract?.version ?? tombstone?.version ?? null,
    productVersion: product?.version ?? null,
    world:
      contract === null || product === null
        ? null
        : {
            contract,
            product,
            payments: row.payments.map((payment) => camelKeys<Payment>(payment)),
            refunds,
            licenses: row.licenses.map((license) => camelKeys<License>(license)),
          },
    tombstone,
    heldOperationId: row.heldOperationId as string | null,
    olderOperationId: row.olderOperationId as string | null,
    occupiedByOperationId: row.occupiedByOperationId as string | null,
    catalog:
      row.catalog === null
        ? null
        : {
            ...row.catalog,
            product: row.catalog.product === null ? null : camelKeys<Product>(row.catalog.product),
          },
    reportedEarly: row.reportedEarly as string[],
    journal: row.journal as unknown as JournalRow[],
    isDue: row.isDue as boolean,
    silentMs: row.silentMs as number | null,
  };
}

/** A row's keys as TypeScript writes them. Only the row's own: what a `jsonb` column holds is left as it is. */
export function camelKeys<T>(row: Record<string, unknown>): T {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [camelCase(key), value])) as T;
}

const camelCases = new Map<string, string>();

function camelCase(key: string): string {
  let camel = camelCases.get(key);
  if (camel === undefined) {
    camel = key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    camelCases.set(key, camel);
  }
  return camel;
}

/** What the installation has settled: the business time zone, and its policy about money. */
export interface Business {
  /** An IANA name. */
  readonly zone: string;
  readonly policy: MoneyPolicy;
}

/** The facts that a rule decides from: those frozen with the first call, or those of this view. */
export function factsOf(view: OperationView, { zone, policy }: Business): Facts {
  const { operation } = view;
  if (operation.frozenFacts !== null) return operation.frozenFacts;
  return {
    operation: {
      id: operation.id,
      kind: operation.kind,
      contractId: operation.contractId,
      actor: { type: operation.actorType, id: operation.actorId },
      params: operation.params,
      hasReason: operation.reason !== null && operation.reason.trim() !== "",
    },
    today: todayOf(operation, zone),
    takenAt: operation.takenAt,
    zone,
    world: view.world,
    tombstone: view.tombstone,
    heldOperationId: view.heldOperationId,
    policy,
    catalog: view.catalog,
    reportedEarly: view.reportedEarly,
  };
}

function todayOf(operation: OperationRow, zone: string): BusinessDate {
  return businessDateOf(operation.takenAt, zone);
}
