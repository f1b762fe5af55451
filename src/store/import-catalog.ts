import { sql } from "drizzle-orm";
import type { Registration } from "../contract/change.ts";
import type { Database } from "./database.ts";
import { json } from "./guarded-statement.ts";

/** Products and customers to be made known. */
export interface Catalog {
  readonly products: readonly NonNullable<Registration["product"]>[];
  readonly customers: readonly NonNullable<Registration["customer"]>[];
}

/**
 * Writes every product and customer whose id is not known yet, in one statement, and returns how many of each that were.
 * Known ones are left as they are, whatever they are given as, and so is the second of two with one id. Repeating it
 * writes nothing.
 */
export async function importCatalog(
  db: Database,
  { products, customers }: Catalog,
): Promise<{ readonly products: number; readonly customers: number }> {
  const [row] = await db.run<{ products: number; customers: number }>(
    "import_catalog",
    sql`with new_products as (
        insert into keiyaku.products (id, kind, access, price_minor, automatic_termination_month)
        select "id", "kind", "access", "priceMinor", "automaticTerminationMonth"
        from jsonb_to_recordset(${json(products)}) as r("id" text, "kind" keiyaku.contract_kind,
          "access" keiyaku.product_access, "priceMinor" bigint, "automaticTerminationMonth" text)
        on conflict (id) do nothing returning id),
      new_customers as (
        insert into keiyaku.customers (id, email, name, locale, version)
        select "id", "email", "name", "locale",
          coalesce((select e.version from keiyaku.erased_customers e where e.id = r."id"), 1)
        from jsonb_to_recordset(${json(customers)}) as r("id" text, "email" text, "name" text, "locale" text)
        on conflict (id) do nothing returning id)
      select (select count(*)::int from new_products) as products, (select count(*)::int from new_customers) as customers`,
  );
  return row ?? { products: 0, customers: 0 };
}
