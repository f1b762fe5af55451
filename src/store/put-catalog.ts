import { type SQL, sql } from "drizzle-orm";
import type { CustomerPut, ProductPut } from "../contract/cataloging.ts";
import type { Database } from "./database.ts";
import { StoreError } from "./store-error.ts";

/**
 * What became of a put. `ignored`: the version is not greater than the one that is known, which is told; nothing was
 * written. `invalid_request`: what was put can never be written, with the field at fault and what to do.
 */
export type PutAnswer =
  | { readonly answer: "created" | "updated" | "ignored"; readonly version: number }
  | { readonly answer: "invalid_request"; readonly field: string; readonly problem: string };

/**
 * Writes a product that is unknown, or known in an older version, wholly as it is given; anything else is `ignored`. A
 * product that came without a version has version 1, so that version 1 of a put is ignored then and version 2 updates it.
 *
 * The kind of a known product is fixed, since contracts are of their product's kind: a newer version of another kind is
 * an `invalid_request`.
 *
 * One guarded statement, which locks the product's row while it writes. A second caller waits for it and is then measured
 * against what the first has written: of two versions the greater stands in the end, in whatever order they come, and of
 * two equal ones the second is ignored. A rule that read the product before fails to settle and is asked again.
 * Repeating a put writes nothing.
 *
 * Since when its month stands, or that it has none, moves only when the month does.
 */
export async function putProduct(db: Database, product: ProductPut): Promise<PutAnswer> {
  const { id, kind, version } = product;
  const written = await db.run<Written>(
    "put_product",
    sql`insert into keiyaku.products as known
        (id, kind, access, price_minor, automatic_termination_month, automatic_termination_month_set_at, version, created_at,
          updated_at)
      select ${id}::text, ${kind}::keiyaku.contract_kind, ${product.access}::keiyaku.product_access,
        ${product.priceMinor}::bigint, ${product.automaticTerminationMonth}::text, now_at, ${version}::integer, now_at, now_at
      from (select clock_timestamp() as now_at) as clock
      on conflict (id) do update
        set access = excluded.access, price_minor = excluded.price_minor,
          automatic_termination_month = excluded.automatic_termination_month,
          automatic_termination_month_set_at = case
            when known.automatic_termination_month is distinct from excluded.automatic_termination_month
            then excluded.automatic_termination_month_set_at else known.automatic_termination_month_set_at end, ${updated}
        where known.version < excluded.version and known.kind = excluded.kind
      returning version, created_at = updated_at as created`,
  );
  if (written[0] !== undefined) return answerOf(written[0]);
  const known = await readKnown<{ version: number; kind: string }>(
    db,
    "read_known_product",
    sql`select version, kind from keiyaku.products where id = ${id}`,
  );
  if (known.version < version && known.kind !== kind) {
    const problem = `cannot change from ${known.kind} to ${kind}, since contracts are of their product's kind; put it as a product with an id of its own`;
    return { answer: "invalid_request", field: "kind", problem };
  }
  return ignoredBy(known.version, version, "put_product");
}

/**
 * Writes a customer who is unknown, or known in an older version, wholly as they are given; anything else is `ignored`. One
 * who was erased with their last contract is known again only in a newer version than they had. It locks and repeats as
 * {@link putProduct} does.
 */
export async function putCustomer(db: Database, { id, email, name, locale, version }: CustomerPut): Promise<PutAnswer> {
  const written = await db.run<Written>(
    "put_customer",
    sql`insert into keiyaku.customers as known (id, email, name, locale, version, created_at, updated_at)
      select ${id}::text, ${email}::text, ${name}::text, ${locale}::text, ${version}::integer, now_at, now_at
      from (select clock_timestamp() as now_at) as clock
      where not exists (select from keiyaku.erased_customers e where e.id = ${id} and e.version >= ${version})
      on conflict (id) do update
        set email = excluded.email, name = excluded.name, locale = excluded.locale, ${updated}
        where known.version < excluded.version
      returning version, created_at = updated_at as created`,
  );
  if (written[0] !== undefined && !(await wasErasedMeanwhile(db, id, written[0]))) return answerOf(written[0]);
  const known = await readKnown<{ version: number }>(
    db,
    "read_known_customer",
    sql`select version from keiyaku.customers where id = ${id}
      union all select version from keiyaku.erased_customers where id = ${id} order by version desc limit 1`,
  );
  return ignoredBy(known.version, version, "put_customer");
}

/**
 * Whether the customer was erased while this put waited for their row: it saw nothing of that then, and wrote them anew. They
 * go again, unless somebody has made a contract with them since.
 */
async function wasErasedMeanwhile(db: Database, id: string, { version, created }: Written): Promise<boolean> {
  if (!created) return false;
  const gone = await db.run(
    "forget_late_customer",
    sql`delete from keiyaku.customers u using keiyaku.erased_customers e
      where u.id = ${id} and u.version = ${version} and e.id = u.id and e.version >= u.version
        and not exists (select from keiyaku.contracts c where c.customer_id = u.id) returning u.id`,
  );
  return gone.length > 0;
}

type Written = { version: number; created: boolean };

/** An update is later than the creation by at least the precision of an instant: so the two are told apart. */
const updated = sql`version = excluded.version,
  updated_at = greatest(excluded.updated_at, known.created_at + interval '1 millisecond')`;

function answerOf({ version, created }: Written): PutAnswer {
  return { answer: created ? "created" : "updated", version };
}

/** What kept the put from writing. In a statement of its own, since it may have been committed after the put began. */
async function readKnown<Known extends { version: number }>(
  db: Database,
  statement: string,
  query: SQL,
): Promise<Known> {
  const [known] = await db.run<Known>(statement, query);
  if (known === undefined) throw new StoreError("conflict", "40001", statement);
  return known;
}

/** Versions only grow, so that what kept a put from writing still does. Otherwise somebody has been at the table by hand. */
function ignoredBy(knownVersion: number, version: number, statement: string): PutAnswer {
  if (knownVersion < version) throw new StoreError("conflict", "40001", statement);
  return { answer: "ignored", version: knownVersion };
}
