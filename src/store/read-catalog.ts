import { sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { CustomerPut, ProductPut } from "../contract/cataloging.ts";
import type { Database } from "./database.ts";

/** A product as it stands in the catalog. */
export interface CatalogProduct extends ProductPut {
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** A customer as they stand in the catalog. Mail and name are null unless they were asked for. */
export interface CatalogCustomer extends Pick<CustomerPut, "id" | "locale" | "version"> {
  readonly email: string | null;
  readonly name: string | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** Reads a product; undefined when it is unknown. Locks nothing. */
export async function readProduct(db: Database, id: string): Promise<CatalogProduct | undefined> {
  const [row] = await db.run<CatalogProduct & Record<string, unknown>>(
    "read_product",
    sql`select p.id, p.kind, p.access, p.price_minor as "priceMinor",
        p.automatic_termination_month as "automaticTerminationMonth", p.version,
        p.created_at as "createdAt", p.updated_at as "updatedAt"
      from keiyaku.products p where p.id = ${id}`,
  );
  return row;
}

/** Reads a customer, mail and name only `withPersonalData`; undefined when they are unknown. Locks nothing. */
export async function readCustomer(
  db: Database,
  id: string,
  { withPersonalData }: { readonly withPersonalData: boolean },
): Promise<CatalogCustomer | undefined> {
  const [row] = await db.run<CatalogCustomer & Record<string, unknown>>(
    "read_customer",
    sql`select u.id, u.locale, u.version,
        case when ${withPersonalData}::boolean then u.email end as email,
        case when ${withPersonalData}::boolean then u.name end as name,
        u.created_at as "createdAt", u.updated_at as "updatedAt"
      from keiyaku.customers u where u.id = ${id}`,
  );
  return row;
}
