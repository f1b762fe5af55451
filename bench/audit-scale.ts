import { audit, beginAudit } from "../src/audit/audit.ts";
import { Database } from "../src/store/database.ts";
import type { Row } from "./measure.ts";
import type { BenchServers } from "./servers.ts";

/** Each contract has been registered and renewed three times. */
const operationsEach = 4;

/**
 * The audit of many contracts in which everything holds: seconds from its beginning to its end, and the peak memory of the process.
 * The baseline is ten times the audit of a tenth of them, so the ratio tells whether each costs the same however many there are.
 */
export function auditScale(servers: BenchServers, { contracts }: { readonly contracts: number }): Row {
  return {
    name: "audit.scale",
    async run(report) {
      const few = await auditAmong(servers, Math.round(contracts / 10));
      report(`audit.scale: ${few.toFixed(1)} s for a tenth`);
      const many = await auditAmong(servers, contracts);
      report(`audit.scale: ${many.toFixed(1)} s for ${contracts.toLocaleString("en")} contracts`);
      return {
        name: "audit.scale",
        unit: "s",
        median: many,
        min: many,
        max: many,
        baseline: few * 10,
        ratio: many / (few * 10),
        notes: {
          contracts,
          operations: contracts * operationsEach,
          // Of this process, the bench itself included.
          peakRssMiB: process.resourceUsage().maxRSS / 1_024,
        },
      };
    },
  };
}

/** Audits so many contracts, and forgets them. Throws if it finds anything wrong: what was counted would be something else. */
async function auditAmong(servers: BenchServers, contracts: number): Promise<number> {
  await fill(servers, contracts);
  const db = new Database({ address: servers.address, poolSize: 2, applicationName: "keiyaku-bench" });
  try {
    const begun = performance.now();
    const { type, counts } = await audit(
      {
        db,
        stopping: new AbortController().signal,
        onViolation: ({ id }, { subject, detail }) => {
          throw new Error(`${id} ${subject}: ${detail}`);
        },
      },
      await beginAudit(db, "command"),
    );
    const seconds = (performance.now() - begun) / 1_000;
    if (type !== "finished" || counts.I6?.checked !== contracts) throw new Error(`the audit was ${type}`);
    return seconds;
  } finally {
    await db.close(1_000);
    await servers.sql`truncate keiyaku.operations, keiyaku.contracts, keiyaku.payments, keiyaku.products, keiyaku.customers,
      keiyaku.book_checks cascade`;
  }
}

/** Contracts by bank transfer with three paid periods, their licenses, and the operations that made them. */
async function fill({ sql }: BenchServers, contracts: number): Promise<void> {
  await sql`insert into keiyaku.products (id, kind, access, price_minor) values ('magazine', 'monthly', 'per_period', 1980)
    on conflict do nothing`;
  await sql`insert into keiyaku.customers (id, email, name, locale) values ('c', 'c@example.com', 'c', 'ja') on conflict do nothing`;
  await sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
      price_minor, initial_fee_minor, special_months, start_on, renewal_due_on, version, changed_by_operation_id)
    select 'k-' || n, 'magazine', 'c', 'monthly', 'bank_transfer', 'application', 'active', 'jpy', 1980, 0, 0, '2025-01-08',
      '2025-04-08', ${operationsEach}, 'k-' || n || '-' || ${operationsEach}
    from generate_series(1, ${contracts}) as n`;
  await sql`insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at, taken_at,
      accepted_at, content_hash, state, attempt, attempts_counted, outcome, concluded_at)
    select 'k-' || n || '-' || version, (case version when 1 then 'register' else 'renew' end)::keiyaku.operation_kind, 'k-' || n,
      (case version when 1 then 'service' else 'schedule' end)::keiyaku.actor_type, 'bench',
      jsonb_build_object('date', ('2025-01-08'::date + (version - 2) * interval '1 month')::date), now(), now(), now(),
      repeat('0', 64), 'succeeded', 1, 1, jsonb_build_object('statusBefore', case when version > 1 then 'active' end,
        'statusAfter', 'active', 'contractVersion', version), now()
    from generate_series(1, ${contracts}) as n, generate_series(1, ${operationsEach}) as version`;
  await sql`insert into keiyaku.payments (id, contract_id, subject, period, starts_on, amount_minor, state, paid_at)
    select 'k-' || n || ':period:' || period, 'k-' || n, 'period', period, '2025-01-08'::date + period * interval '1 month', 1980,
      'paid', now()
    from generate_series(1, ${contracts}) as n, generate_series(0, 2) as period`;
  await sql`insert into keiyaku.licenses (payment_id, contract_id)
    select id, contract_id from keiyaku.payments where contract_id like 'k-%'`;
  await sql`vacuum (analyze) keiyaku.contracts, keiyaku.operations, keiyaku.payments, keiyaku.licenses`;
}
