import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { systemClock } from "../src/clock.ts";
import { parseBusinessDate } from "../src/contract/calendar.ts";
import type { OperationRequest } from "../src/contract/operation.ts";
import { requestJob } from "../src/queue/enqueue.ts";
import { openQueue, openWorker, type QueueBackend } from "../src/queue/queue-backend.ts";
import { createQueueBells } from "../src/queue/queue-bells.ts";
import { Database } from "../src/store/database.ts";
import type { StripeGateway } from "../src/stripe/gateway.ts";
import { createOperationsProcessor } from "../workers/operations.ts";
import type { Contest } from "./measure.ts";
import { addAll, type BenchServers } from "./servers.ts";
import { timeUntilDone } from "./time-until-done.ts";

const concurrency = 32;

/**
 * Operations a second for `confirm_payment` of one-time contracts, waiting in the queue when the clock starts: keiyaku's
 * whole way (accept, admit, settle, ring) against a bare BullMQ worker whose handler runs one statement that writes the
 * same rows. Same server, same queue backend, same concurrency.
 */
export function confirmPayment(servers: BenchServers, backend: QueueBackend, operations: number): Contest {
  return {
    name: `confirm_payment.${backend.type}`,
    unit: "operations/s",
    async ours() {
      const requests = await prepare(servers, operations);
      return keiyakuRound(servers, backend, requests);
    },
    async baseline() {
      const requests = await prepare(servers, operations);
      return bareRound(servers, backend, requests);
    },
  };
}

/** Fresh contracts that wait for their payment, each with a due initial fee and price, and a request for each. */
async function prepare({ sql }: BenchServers, operations: number): Promise<OperationRequest[]> {
  const batch = randomUUID().slice(0, 8);
  await sql`insert into keiyaku.products (id, kind, access, price_minor) values ('course', 'one_time', 'per_period', 19800)
    on conflict do nothing`;
  await sql`insert into keiyaku.customers (id, email, name, locale) values ('c', 'c@example.com', 'C', 'ja')
    on conflict do nothing`;
  await sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
      price_minor, initial_fee_minor, special_months, start_on, version, changed_by_operation_id)
    select ${batch}::text || '-' || n, 'course', 'c', 'one_time', 'bank_transfer', 'application', 'awaiting_payment', 'jpy',
      19800, 3000, 0, '2024-10-08', 1, 'bench' from generate_series(1, ${operations}) as n`;
  await sql`insert into keiyaku.payments (id, contract_id, subject, amount_minor, state)
    select ${batch}::text || '-' || n || ':' || subject, ${batch}::text || '-' || n, subject::keiyaku.payment_subject, amount, 'due'
    from generate_series(1, ${operations}) as n, (values ('initial_fee', 3000), ('one_time_price', 19800)) as due(subject, amount)`;
  await sql`vacuum (analyze) keiyaku.contracts, keiyaku.payments, keiyaku.operations, keiyaku.licenses`;
  return Array.from({ length: operations }, (_, index) => ({
    id: `${batch}-op-${index + 1}`,
    kind: "confirm_payment" as const,
    contractId: `${batch}-${index + 1}`,
    actor: { type: "operator" as const, id: "bench" },
    params: {},
    requestedAt: systemClock.now(),
  }));
}

async function keiyakuRound(
  servers: BenchServers,
  backend: QueueBackend,
  requests: readonly OperationRequest[],
): Promise<number> {
  const db = new Database({ address: servers.address, poolSize: concurrency + 2, applicationName: "bench" });
  const queue = await openQueue(backend, "operations", 5_000);
  const log = pino({ level: "silent" });
  await addAll(queue, requests.map(requestJob));
  const processor = createOperationsProcessor({
    db,
    gateway: {} as StripeGateway,
    clock: systemClock,
    log,
    bells: createQueueBells(queue, log),
    business: {
      zone: "Asia/Tokyo",
      policy: { refundCutoffOn: parseBusinessDate("2018-08-04"), latePayment: "refund" },
    },
    brakes: { refundLimitMinor: null, refundLimitPerHourMinor: null },
    stopping: new AbortController().signal,
  });
  const seconds = await timeUntilDone(requests.length, () =>
    openWorker(backend, "operations", processor, { concurrency }),
  );
  const batch = requests[0]?.id.replace(/\d+$/, "%") ?? "";
  const [row] = await servers.sql`select count(*)::int as succeeded from keiyaku.operations
    where state = 'succeeded' and id like ${batch}`;
  if (row?.succeeded !== requests.length) throw new Error(`only ${row?.succeeded} of ${requests.length} succeeded`);
  await queue.close();
  await db.close();
  return requests.length / seconds;
}

async function bareRound(
  { sql }: BenchServers,
  backend: QueueBackend,
  requests: readonly OperationRequest[],
): Promise<number> {
  const queue = await openQueue(backend, "operations", 5_000);
  await addAll(
    queue,
    requests.map((request) => ({ ...requestJob(request), data: request })),
  );
  const handler = async ({ data }: { data: OperationRequest }) => {
    await sql`with operation as (
        insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at, taken_at,
          accepted_at, content_hash, state, attempt, attempts_counted, touched_at, outcome, concluded_at)
        values (${data.id}, ${data.kind}, ${data.contractId}, ${data.actor.type}, ${data.actor.id}, '{}',
          ${data.requestedAt ?? null}, now(), now(), repeat('0', 64), 'succeeded', 1, 1, now(),
          '{"attention": [], "statusAfter": "established", "statusBefore": "awaiting_payment"}', now())),
      contract as (
        update keiyaku.contracts set status = 'established', version = version + 1, changed_by_operation_id = ${data.id},
          updated_at = now() where id = ${data.contractId}),
      payments as (
        update keiyaku.payments set state = 'paid', paid_at = now() where contract_id = ${data.contractId} and state = 'due')
      insert into keiyaku.licenses (payment_id, contract_id)
      values (${`${data.contractId}:one_time_price`}, ${data.contractId})`;
  };
  const seconds = await timeUntilDone(requests.length, () =>
    openWorker(backend, "operations", handler as never, { concurrency }),
  );
  await queue.close();
  return requests.length / seconds;
}
