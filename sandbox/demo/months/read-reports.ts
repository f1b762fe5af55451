import type { Sql } from "postgres";
import { allSubscribers, type Subscriber } from "./subscribers.ts";

/** What became of the events of one type. */
export interface ReportedType {
  readonly type: string;
  readonly reported: number;
  /** They became operations. */
  readonly applied: number;
  /** Our own calls had caused them, and those had succeeded. */
  readonly ownCalls: number;
  /** Nothing follows from them. */
  readonly ignored: number;
  /** They rest without a contract, or wait for a person. */
  readonly waiting: number;
  /** Those of all these that were never delivered, and found by the back-fill. */
  readonly found: number;
}

/** A contract of the second chapter as the books have it, beside what it must be. */
export interface Standing {
  readonly subscriber: Subscriber;
  readonly status: string;
  /** The states of its payments, from period 0 on. */
  readonly payments: readonly string[];
  /** The periods with a license that is open. */
  readonly open: readonly number[];
}

/** Everything that Stripe reported, and where that has led. */
export interface Reports {
  readonly types: readonly ReportedType[];
  readonly standings: readonly Standing[];
  /** Operations that wait for a person, whoever asked for them. */
  readonly heldCount: number;
}

/** Reads it from the inbox and the books. */
export async function readReports(sql: Sql): Promise<Reports> {
  const types = await sql<ReportedType[]>`
    select type, count(*)::int as reported,
      (count(*) filter (where state = 'applied'))::int as applied,
      (count(*) filter (where state = 'ignored' and state_reason = 'own_call'))::int as "ownCalls",
      (count(*) filter (where state = 'ignored' and state_reason <> 'own_call'))::int as ignored,
      (count(*) filter (where state not in ('applied', 'ignored')))::int as waiting,
      (count(*) filter (where arrived_by = 'backfill'))::int as found
    from keiyaku.stripe_events group by type order by reported desc, type`;
  const contracts = await sql<(Omit<Standing, "subscriber"> & { id: string })[]>`
    select c.id, c.status,
      array(select p.state from keiyaku.payments p where p.contract_id = c.id order by p.period) as payments,
      array(select p.period from keiyaku.payments p join keiyaku.licenses l on l.payment_id = p.id
        where p.contract_id = c.id and l.revoked_at is null order by p.period) as open
    from keiyaku.contracts c where c.id = any (${allSubscribers.map(({ contractId }) => contractId)})`;
  const standings = allSubscribers.map((subscriber) => {
    const {
      status = "unknown",
      payments = [],
      open = [],
    } = contracts.find(({ id }) => id === subscriber.contractId) ?? {};
    return { subscriber, status, payments, open };
  });
  const [held] = await sql<{ count: number }[]>`
    select count(*)::int as count from keiyaku.operations where state = 'held'`;
  return { types, standings, heldCount: held?.count ?? 0 };
}

/** How contracts stand otherwise than they must, and events without an end, a sentence each. */
export function faultsIn({ types, standings }: Reports): readonly string[] {
  const waiting = types.reduce((sum, type) => sum + type.waiting, 0);
  return [
    ...(types.length === 0 ? ["Stripe reported nothing."] : []),
    ...(waiting === 0 ? [] : [`${waiting} of Stripe's events wait, and nothing here should.`]),
    ...(types.length > 0 && types.every(({ found }) => found === 0)
      ? ["The back-fill found nothing, and some events were never delivered."]
      : []),
    ...standings.flatMap(({ subscriber, status, payments }) => {
      const [is, must] = [
        `${status} (${payments.join(", ")})`,
        `${subscriber.status} (${subscriber.payments.join(", ")})`,
      ];
      return is === must ? [] : [`${subscriber.contractId} is ${is}, and must be ${must}.`];
    }),
  ];
}
