import type { ExecutionBench } from "../../support/execution.ts";
import { addContract, insertRows, licenseRow, paymentRow, productRow } from "../../support/store-rows.ts";

/** Forgets every contract, operation and run. */
export async function forgetAll({ sql }: ExecutionBench): Promise<void> {
  await sql`truncate keiyaku.operations, keiyaku.contracts, keiyaku.products, keiyaku.customers, keiyaku.maintenance_runs,
    keiyaku.notifications cascade`;
}

/** A contract that began on 8 October 2024 and has paid for its periods up to the one given, by bank transfer. */
export async function addPaid(
  { sql }: ExecutionBench,
  id: string,
  last: number,
  overrides: Record<string, unknown> = {},
) {
  const renewalDueOn = `2025-${String(last - 1).padStart(2, "0")}-08`;
  await addContract(sql, { id, renewal_due_on: renewalDueOn, ...overrides });
  for (let period = 0; period <= last; period += 1) {
    await insertRows(sql, "payments", paymentRow({ contract_id: id, period }));
    await insertRows(sql, "licenses", licenseRow({ contract_id: id, payment_id: `${id}:period:${period}` }));
  }
}

/** One contract for each phase, on 20 January 2025: `c-start`, `c-end`, `c-special`, `c-renew`, `c-reserve`, `c-release`. */
export async function addOneOfEach(bench: ExecutionBench): Promise<void> {
  const { sql } = bench;
  await insertRows(sql, "products", productRow({ id: "p-ending", automatic_termination_month: "2025-02" }));
  await insertRows(sql, "products", productRow({ id: "p-on", automatic_termination_month: null }));
  await addContract(sql, { id: "c-start", status: "not_started", start_on: "2025-01-20" });
  await addPaid(bench, "c-end", 3, { status: "termination_reserved", termination_on: "2025-01-20" });
  const special = { special_months: 3, special_price_minor: 980 };
  await addPaid(bench, "c-special", 3, { status: "special_period", ...special });
  await addPaid(bench, "c-renew", 2);
  await addPaid(bench, "c-reserve", 3, { product_id: "p-ending" });
  const reserved = { termination_on: "2025-02-08", termination_source: "product_month" };
  await addPaid(bench, "c-release", 3, { product_id: "p-on", status: "termination_reserved", ...reserved });
}

/** What {@link addOneOfEach} makes the run of that day ask for. */
export const oneOfEach: readonly string[] = [
  "start c-start: succeeded",
  "terminate_at_renewal c-end: succeeded",
  "end_special_period c-special: succeeded",
  "renew c-renew: succeeded",
  "renew c-start: succeeded",
  "reserve_by_product_month c-reserve: succeeded",
  "release_by_product_month c-release: succeeded",
];

/** Every contract as it stands, and what its history says: compared to show that two ways led to the same. */
export async function standings({ sql }: ExecutionBench): Promise<readonly unknown[]> {
  return sql`select c.id, c.status, c.termination_on::text as "terminationOn", c.termination_source as source,
      c.renewal_due_on::text as "renewalDueOn",
      (select json_agg(p.period || ' ' || p.state order by p.period) from keiyaku.payments p where p.contract_id = c.id) as payments
    from keiyaku.contracts c order by c.id`;
}
