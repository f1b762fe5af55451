import { entriesOf } from "./card-contracts.ts";
import type { World } from "./set-up.ts";

/** Everything that our books say of a contract, without what differs from run to run: times, counters and its own name. */
export interface ContractBooks {
  readonly contract: Record<string, unknown> | undefined;
  readonly payments: readonly Record<string, unknown>[];
  readonly refunds: readonly Record<string, unknown>[];
  readonly licenses: readonly Record<string, unknown>[];
  readonly notices: readonly Record<string, unknown>[];
  readonly operations: readonly Record<string, unknown>[];
  readonly calls: readonly Record<string, unknown>[];
}

/**
 * Reads our books of a contract, and throws unless its refunds are exactly those that the stand-in's ledger has: of the same
 * ids and amounts, none missing and none beside.
 */
export async function booksOf(world: World, contractId: string): Promise<ContractBooks> {
  const { sql } = world;
  const own = (rows: readonly Record<string, unknown>[]) =>
    JSON.parse(JSON.stringify(rows).replaceAll(contractId, "CONTRACT")) as Record<string, unknown>[];
  const refunds = await sql`select id, payment_id, amount_minor::int as amount, state, stripe_refund_id
    from keiyaku.refunds where contract_id = ${contractId} order by id`;
  const ours = refunds.map((row) => `${row.stripe_refund_id} ${row.id} ${row.amount}`).toSorted();
  const theirs = (await entriesOf(world, contractId))
    .filter(({ effect }) => effect === "refund.created")
    .map(({ objectId, metadata, amount }) => `${objectId} ${metadata.keiyaku_refund} ${amount}`)
    .toSorted();
  if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
    throw new Error(`Refunds differ: ours ${ours.join(", ") || "none"}; Stripe's ${theirs.join(", ") || "none"}`);
  }
  return {
    contract: own(
      await sql`select id, status, termination_on, ended_at is not null as ended from keiyaku.contracts
      where id = ${contractId}`,
    )[0],
    payments: own(
      await sql`select id, state, amount_minor::int as amount, paid_at is not null as paid
      from keiyaku.payments where contract_id = ${contractId} order by id`,
    ),
    refunds: own(refunds.map((row) => ({ ...row, stripe_refund_id: "compared above" }))),
    licenses: own(
      await sql`select payment_id, revoked_because from keiyaku.licenses
      where contract_id = ${contractId} order by payment_id`,
    ),
    notices: own(
      await sql`select kind, recipient, detail from keiyaku.notifications
      where contract_id = ${contractId} order by kind, recipient`,
    ),
    operations: own(
      await sql`select kind, state, outcome from keiyaku.operations
      where contract_id = ${contractId} order by sequence`,
    ),
    // A call has one key, used for every sending of it.
    calls: own(
      await sql`select name, type, key_number, answer is not null as answered from keiyaku.stripe_calls s
      join keiyaku.operations o on o.id = s.operation_id where o.contract_id = ${contractId} order by name`,
    ),
  };
}
