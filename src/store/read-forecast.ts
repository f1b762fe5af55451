import { sql } from "drizzle-orm";
import type { Contract, Product } from "../contract/contract.ts";
import type { Database } from "./database.ts";

/** A contract that has something ahead, with the product that it is of. */
export interface ForecastRow {
  readonly contract: Contract;
  readonly product: Product;
}

/** Reads the contracts that have not ended, by their ids from behind the one given. Locks nothing. */
export async function readForecastPage(db: Database, after: string, limit: number): Promise<readonly ForecastRow[]> {
  return db.run<{ contract: Contract; product: Product }>(
    "read_forecast_page",
    sql`select json_build_object('id', c.id, 'productId', c.product_id, 'kind', c.kind, 'paymentMethod', c.payment_method,
        'origin', c.origin, 'status', c.status, 'startOn', c.start_on, 'specialMonths', c.special_months,
        'terminationOn', c.termination_on, 'terminationSource', c.termination_source,
        'terminationAskedBy', c.termination_asked_by) as contract,
      json_build_object('id', p.id, 'automaticTerminationMonth', p.automatic_termination_month) as product
    from keiyaku.contracts c join keiyaku.products p on p.id = c.product_id
    where c.id > ${after} and c.status not in ('established', 'canceled', 'terminated', 'awaiting_payment')
    order by c.id limit ${limit}`,
  );
}

/** How many of them there are from there on. */
export async function countForecast(db: Database, after: string): Promise<number> {
  const [row] = await db.run<{ contracts: number }>(
    "count_forecast",
    sql`select count(*)::integer as contracts from keiyaku.contracts
      where id > ${after} and status not in ('established', 'canceled', 'terminated', 'awaiting_payment')`,
  );
  return row?.contracts ?? 0;
}
