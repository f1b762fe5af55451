import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type postgres from "postgres";
import { startStripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import { systemClock } from "../../src/clock.ts";
import { executeOperation } from "../../src/execution/execute-operation.ts";
import { Secret } from "../../src/secret.ts";
import type { StripeEvent } from "../../src/stripe/events.ts";
import { meaningOf } from "../../src/stripe/events.ts";
import { createStripeGateway } from "../../src/stripe/stripe-gateway.ts";
import { policy } from "../support/facts.ts";
import {
  contractRow,
  customerRow,
  insertRows,
  licenseRow,
  operationRow,
  paymentRow,
  productRow,
} from "../support/store-rows.ts";
import { silentLog, type TestStore } from "../support/test-database.ts";
import type { Played, Standing } from "./scenes.ts";

/**
 * Delivers the events of a scene in an order of one's own, the same one perhaps twice, to a contract that stands as it did
 * when the scene began, and tells how it stands in the end. Each event is carried out before the next arrives; Stripe is as it
 * was when all of them had happened.
 */
export async function deliver(
  { db, sql }: Pick<TestStore, "db" | "sql">,
  played: Played,
  order: readonly StripeEvent[],
): Promise<Standing> {
  await setUpContract(sql, played);
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-scene-"));
  const stateFile = join(folder, "state.jsonl");
  await writeFile(stateFile, played.state);
  const standIn = await startStripeStandIn({ stateFile, refuseAutomaticKeys: true, log: () => undefined });
  const gateway = createStripeGateway({
    secretKey: new Secret(standIn.secretKey),
    apiBase: standIn.url,
    timeoutMs: 5_000,
    maxNetworkRetries: 0,
  });
  try {
    const stopping = new AbortController().signal;
    const deps = {
      db,
      gateway,
      clock: systemClock,
      log: silentLog,
      bells: { ring: async () => undefined },
      business: { zone: "Asia/Tokyo", policy },
      brakes: { refundLimitMinor: null, refundLimitPerHourMinor: null },
      stopping,
    };
    for (const [n, event] of order.entries()) {
      const meaning = meaningOf(event);
      if (meaning.type !== "operation") continue;
      const id = `op-${n}`;
      await insertRows(
        sql,
        "operations",
        operationRow({
          id,
          kind: meaning.kind,
          params: meaning.params,
          actor_type: "stripe",
          actor_id: event.id,
          taken_at: new Date().toISOString(),
        }),
      );
      const report = await executeOperation(deps, id);
      if (report.type !== "succeeded")
        throw new Error(
          `${event.type}: ${JSON.stringify(report)} ${JSON.stringify(await sql`select * from keiyaku.operations where id = ${id}`)}`,
        );
    }
    return await standingOf(sql);
  } finally {
    gateway.close();
    await standIn.stop();
    await rm(folder, { recursive: true });
  }
}

async function setUpContract(sql: postgres.Sql, { customer, subscription, beganAt, first }: Played): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
    where schemaname = 'keiyaku' and tablename not like '\\_\\_%'`;
  await sql.unsafe(`truncate ${tables.map(({ name }) => name).join(", ")} cascade`);
  const startOn = new Date((beganAt + 9 * 3_600) * 1_000).toISOString().slice(0, 10);
  await insertRows(sql, "products", productRow());
  await insertRows(sql, "customers", customerRow());
  const stripeIds = { stripe_customer_id: customer, stripe_subscription_id: subscription };
  await insertRows(sql, "contracts", contractRow({ payment_method: "card", start_on: startOn, ...stripeIds }));
  await insertRows(
    sql,
    "payments",
    paymentRow({
      starts_on: startOn,
      paid_at: new Date(beganAt * 1_000).toISOString(),
      stripe_invoice_id: first.invoiceId,
      stripe_payment_intent_id: first.paymentIntentId,
    }),
  );
  await insertRows(sql, "licenses", licenseRow());
}

async function standingOf(sql: postgres.Sql): Promise<Standing> {
  const [contract] = await sql`select status, termination_on is not null as reserved from keiyaku.contracts`;
  const periods = await sql`select period, concat_ws(', dispute ', state, dispute) as standing
    from keiyaku.payments order by period`;
  const open = await sql`select p.period from keiyaku.licenses l join keiyaku.payments p on p.id = l.payment_id
    where l.revoked_at is null order by p.period`;
  const refunds = await sql`select state || ' ' || amount_minor as refund from keiyaku.refunds order by 1`;
  const told = await sql`select (detail ->> 'attempt')::int as attempt, array_agg(recipient order by recipient) as whom
    from keiyaku.notifications where kind = 'payment_failed' group by 1 order by 1`;
  for (const { attempt, whom } of told) {
    if (String(whom) !== "customer,operators") throw new Error(`attempt ${attempt} was told to ${whom}`);
  }
  return {
    status: contract?.status,
    reserved: contract?.reserved,
    periods: periods.map(({ standing }) => standing),
    open: open.map(({ period }) => period),
    refunds: refunds.map(({ refund }) => refund),
    attemptsTold: told.map(({ attempt }) => attempt),
  };
}
