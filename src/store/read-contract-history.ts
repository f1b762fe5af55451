import { sql } from "drizzle-orm";
import type { BusinessDate, Instant } from "../contract/calendar.ts";
import type { Contract, License, Payment, Product, Refund } from "../contract/contract.ts";
import type { Database } from "./database.ts";
import { type OperationSummary, summaryColumns } from "./operation-summary.ts";
import { camelKeys } from "./read-operation.ts";

/** A contract with its rows as the store keeps them, and what was done to it. */
export interface ContractHistory {
  readonly contract: Contract & {
    readonly changedByOperationId: string;
    readonly updatedAt: Instant;
  };
  readonly product: Product;
  /** Null unless it was asked for. */
  readonly customer: {
    readonly id: string;
    readonly email: string;
    readonly name: string;
    readonly locale: string;
  } | null;
  readonly signup: { readonly appliedAt: Instant; readonly channel: string } | null;
  readonly payments: readonly (Payment & { readonly startsOn: BusinessDate | null })[];
  readonly refunds: readonly (Refund & {
    readonly refusalCode: string | null;
    readonly operationId: string;
    readonly createdAt: Instant;
    readonly settledAt: Instant | null;
  })[];
  readonly licenses: readonly (License & { readonly grantedAt: Instant; readonly revokedAt: Instant | null })[];
  /** The last accepted ones, oldest of them first. */
  readonly operations: readonly OperationSummary[];
  /** How many operations the contract has in all. */
  readonly operationsTotal: number;
}

/** What is known under a contract's id: the contract, or why there is none. */
export type FoundContract =
  | { readonly type: "found"; readonly history: ContractHistory }
  | { readonly type: "deleted"; readonly deletedAt: Instant; readonly operationId: string }
  | { readonly type: "missing"; readonly operationsTotal: number };

interface HistoryRow extends Record<string, unknown> {
  contract: Record<string, unknown> | null;
  product: Record<string, unknown> | null;
  customer: Record<string, unknown> | null;
  signup: Record<string, unknown> | null;
  payments: Record<string, unknown>[];
  refunds: Record<string, unknown>[];
  licenses: Record<string, unknown>[];
  operations: Record<string, unknown>[];
  operationsTotal: number;
  tombstone: Record<string, unknown> | null;
}

/**
 * Reads a contract, its rows and its last `operationsMax` operations in one statement and so on one snapshot. Locks
 * nothing. Personal data is read only `withCustomer`, and parameters of operations never.
 */
export async function readContractHistory(
  db: Database,
  contractId: string,
  { operationsMax, withCustomer }: { readonly operationsMax: number; readonly withCustomer: boolean },
): Promise<FoundContract> {
  const [row] = await db.run<HistoryRow>(
    "read_contract_history",
    sql`select
      row_to_json(c) as contract,
      (select row_to_json(p) from keiyaku.products p where p.id = c.product_id) as product,
      (select json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'locale', u.locale)
        from keiyaku.customers u where u.id = c.customer_id and ${withCustomer}::boolean) as customer,
      (select row_to_json(s) from keiyaku.signups s where s.contract_id = c.id) as signup,
      (select coalesce(json_agg(p order by p.period nulls first, p.id), '[]') from keiyaku.payments p
        where p.contract_id = asked.id) as payments,
      (select coalesce(json_agg(r order by r.created_at, r.id), '[]') from keiyaku.refunds r
        where r.contract_id = asked.id) as refunds,
      (select coalesce(json_agg(l order by p.period nulls first, p.id), '[]')
        from keiyaku.licenses l join keiyaku.payments p on p.id = l.payment_id
        where l.contract_id = asked.id) as licenses,
      (select coalesce(json_agg(s order by s.sequence), '[]') from (
        select ${summaryColumns} from keiyaku.operations o where o.contract_id = asked.id
        order by o.sequence desc limit ${operationsMax}) s) as operations,
      (select count(*)::int from keiyaku.operations o where o.contract_id = asked.id) as "operationsTotal",
      (select row_to_json(t) from keiyaku.tombstones t where t.contract_id = asked.id) as tombstone
    from (select ${contractId}::text as id) asked left join keiyaku.contracts c on c.id = asked.id`,
  );
  return toFound(row);
}

function toFound(row: HistoryRow | undefined): FoundContract {
  if (row?.tombstone) {
    const { deletedAt, operationId } = camelKeys<{ deletedAt: Instant; operationId: string }>(row.tombstone);
    return { type: "deleted", deletedAt, operationId };
  }
  if (!row?.contract || !row.product) return { type: "missing", operationsTotal: row?.operationsTotal ?? 0 };
  const { contract, product, customer, signup, payments, refunds, licenses, operations, operationsTotal } = row;
  return {
    type: "found",
    history: {
      contract: camelKeys<ContractHistory["contract"]>(contract),
      product: camelKeys<Product>(product),
      customer: customer as ContractHistory["customer"],
      signup: signup === null ? null : camelKeys<NonNullable<ContractHistory["signup"]>>(signup),
      payments: payments.map((payment) => camelKeys<ContractHistory["payments"][number]>(payment)),
      refunds: refunds.map((refund) => camelKeys<ContractHistory["refunds"][number]>(refund)),
      licenses: licenses.map((license) => camelKeys<ContractHistory["licenses"][number]>(license)),
      operations: operations.map((operation) => camelKeys<OperationSummary>(operation)),
      operationsTotal,
    },
  };
}
