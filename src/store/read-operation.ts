import { sql } from "drizzle-orm";
import type { BusinessDate, Instant } from "../contract/calendar.ts";
import { businessDateOf } from "../contract/calendar.ts";
import type { Contract, ContractWorld, License, Payment, Product, Refund } from "../contract/contract.ts";
import type { ActorType, Facts, OperationKind, OperationState } from "../contract/operation.ts";
import type { RejectionCode } from "../contract/rejection.ts";
import type { Answer, Call, Look } from "../contract/step.ts";
import type { Database } from "./database.ts";

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
  readonly rejectionDetail: Readonly<Record<string, string>> | null;
  readonly outcome: Readonly<Record<string, unknown>> | null;
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
  /** Milliseconds since the first and the last sending under the present key, by the database's clock; null for looks. */
  readonly firstSentAgoMs: number | null;
  readonly lastSentAgoMs: number | null;
}

/** An operation with everything that deciding about it needs, as it stood at one moment. */
export interface OperationView {
  readonly operation: OperationRow;
  readonly contractVersion: number | null;
  readonly productVersion: number | null;
  readonly world: ContractWorld | null;
  readonly deleted: boolean;
  readonly heldOperationId: string | null;
  /** The oldest open operation of the contract that was accepted before this one. */
  readonly olderOperationId: string | null;
  /** Another operation that occupies the contract. */
  readonly occupiedByOperationId: string | null;
  readonly catalog: Facts["catalog"];
  readonly journal: readonly JournalRow[];
  /** Whether `nextAttemptAt` has come. */
  readonly isDue: boolean;
  /** How long ago an attempt of it last wrote; null before the first. */
  readonly silentMs: number | null;
}

interface ViewRow extends Record<string, unknown> {
  operation: Record<string, unknown>;
  contract: Record<string, unknown> | null;
  product: Record<string, unknown> | null;
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
  const [row] = await db.run<ViewRow>(
    "read_operation",
    sql`select
      row_to_json(o) as operation,
      row_to_json(c) as contract,
      (select row_to_json(p) from keiyaku.products p where p.id = c.product_id) as product,
      (select coalesce(json_agg(p order by p.period nulls first, p.id), '[]') from keiyaku.payments p
        where p.contract_id = o.contract_id) as payments,
      (select coalesce(json_agg(r order by r.created_at, r.id), '[]') from keiyaku.refunds r
        where r.contract_id = o.contract_id) as refunds,
      (select coalesce(json_agg(l order by l.payment_id), '[]') from keiyaku.licenses l
        where l.contract_id = o.contract_id) as licenses,
      case when o.attempt = 0 then '[]'::json else (
        select coalesce(json_agg(json_build_object(
          'name', s.name, 'type', s.type, 'request', s.request, 'idempotencyKey', s.idempotency_key,
          'keyNumber', s.key_number, 'answer', s.answer,
          'firstSentAgoMs', extract(epoch from clock_timestamp() - s.first_sent_at) * 1000,
          'lastSentAgoMs', extract(epoch from clock_timestamp() - s.last_sent_at) * 1000)), '[]')
        from keiyaku.stripe_calls s where s.operation_id = o.id) end as journal,
      exists (select from keiyaku.tombstones t where t.contract_id = o.contract_id) as deleted,
      (select h.id from keiyaku.operations h where h.contract_id = o.contract_id and h.state = 'held'
        and h.id <> o.id order by h.sequence limit 1) as "heldOperationId",
      (select e.id from keiyaku.operations e where e.contract_id = o.contract_id
        and e.state in ('requested', 'executing', 'held') and e.sequence < o.sequence
        order by e.sequence limit 1) as "olderOperationId",
      (select e.id from keiyaku.operations e where e.contract_id = o.contract_id and e.occupies
        and e.id <> o.id) as "occupiedByOperationId",
      case when o.kind = 'register' then json_build_object(
        'product', (select row_to_json(p) from keiyaku.products p where p.id = o.params ->> 'productId'),
        'customerKnown', exists (select from keiyaku.customers u where u.id = o.params ->> 'customerId'),
        'stripeReferenceTaken', exists (select from keiyaku.contracts k
            where k.stripe_subscription_id = o.params #>> '{stripe,subscriptionId}')
          or exists (select from keiyaku.contracts k
            where k.stripe_payment_intent_id = o.params #>> '{stripe,paymentIntentId}')) end as catalog,
      coalesce(o.next_attempt_at <= clock_timestamp(), true) as "isDue",
      (extract(epoch from clock_timestamp() - o.touched_at) * 1000)::float8 as "silentMs"
    from keiyaku.operations o left join keiyaku.contracts c on c.id = o.contract_id
    where o.id = ${operationId}`,
  );
  return row === undefined ? undefined : toView(row);
}

function toView(row: ViewRow): OperationView {
  const contract = row.contract === null ? null : camelKeys<Contract>(row.contract);
  const product = row.product === null ? null : camelKeys<Product>(row.product);
  return {
    operation: camelKeys<OperationRow>(row.operation),
    contractVersion: contract?.version ?? null,
    productVersion: product?.version ?? null,
    world:
      contract === null || product === null
        ? null
        : {
            contract,
            product,
            payments: row.payments.map((payment) => camelKeys<Payment>(payment)),
            refunds: row.refunds.map((refund) => camelKeys<Refund>(refund)),
            licenses: row.licenses.map((license) => camelKeys<License>(license)),
          },
    deleted: row.deleted as boolean,
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

/** The facts that a rule decides from: those frozen with the first call, or those of this view. */
export function factsOf(view: OperationView, zone: string): Facts {
  const { operation } = view;
  if (operation.frozenFacts !== null) return operation.frozenFacts;
  return {
    operation: {
      id: operation.id,
      kind: operation.kind,
      contractId: operation.contractId,
      actor: { type: operation.actorType, id: operation.actorId },
      params: operation.params,
    },
    today: todayOf(operation, zone),
    takenAt: operation.takenAt,
    zone,
    world: view.world,
    deleted: view.deleted,
    heldOperationId: view.heldOperationId,
    catalog: view.catalog,
  };
}

function todayOf(operation: OperationRow, zone: string): BusinessDate {
  return businessDateOf(operation.takenAt, zone);
}
