import type { LedgerEntry } from "../../sandbox/stripe/core/ledger.ts";
import type { World } from "../e2e/workers/set-up.ts";

/** What our books and Stripe's say of one contract, without what differs from run to run: times, counters and its name. */
export interface Standing {
  /** What took effect at Stripe because we asked for it: an effect's name and amount each, sorted. */
  readonly effects: readonly string[];
  /** Every refund by the row that it is of, once as our books have it and once as Stripe's ledger has it. */
  readonly refunds: { readonly ours: readonly string[]; readonly theirs: readonly string[] };
  readonly status: string | null;
  /** Whether the subscriptions that the contract has, or had, are running at Stripe, and how they are to end. */
  readonly subscriptions: readonly string[];
  /** Our rows, table by table. */
  readonly rows: Readonly<Record<string, readonly unknown[]>>;
}

const tables = {
  contracts: `select id as contract_id, status, termination_on, termination_source, ended_at is not null as ended,
    stripe_subscription_id, former_stripe_subscription_ids from keiyaku.contracts`,
  payments: `select contract_id, id, state, amount_minor::int, paid_at is not null as paid, stripe_invoice_id,
    stripe_payment_intent_id from keiyaku.payments`,
  refunds: `select contract_id, id, payment_id, state, amount_minor::int, refusal_code from keiyaku.refunds`,
  licenses: `select contract_id, payment_id, revoked_because from keiyaku.licenses`,
  notices: `select contract_id, kind, recipient, detail from keiyaku.notifications`,
  tombstones: `select contract_id, payments from keiyaku.tombstones`,
  // Which version of the contract an end made depends on how many attempts it took.
  operations: `select contract_id, id, kind, state, outcome - 'contractVersion' as outcome, rejection_code, occupies from keiyaku.operations`,
  // A call has one key, used for every sending of it.
  calls: `select o.contract_id, s.name, s.type, s.key_number, s.answer is not null as answered
    from keiyaku.stripe_calls s join keiyaku.operations o on o.id = s.operation_id`,
} as const;

type Row = Readonly<Record<string, unknown>> & { readonly contract_id: string };

/** How every one of these contracts stands, by its id. Reads everything at once, with statements of its own. */
export async function standingsOf(
  world: World,
  contractIds: readonly string[],
): Promise<ReadonlyMap<string, Standing>> {
  const { sql, stripe } = world;
  const rows = new Map<string, Record<string, Row[]>>(contractIds.map((id) => [id, {}]));
  for (const [table, statement] of Object.entries(tables)) {
    for (const row of (await sql.unsafe(statement)) as unknown as Row[]) {
      const own = rows.get(row.contract_id);
      if (own === undefined) continue;
      own[table] ??= [];
      own[table].push(row);
    }
  }
  const made = await sql<{ contract_id: string; refund: string }[]>`
    select contract_id, concat_ws(' ', stripe_refund_id, id, amount_minor, stripe_payment_intent_id) as refund
    from keiyaku.refunds where stripe_refund_id is not null`;
  const entries = byContract(await stripe.control.ledger(), new Set(contractIds));
  const standings = contractIds.map(async (id): Promise<[string, Standing]> => {
    const own = rows.get(id) ?? {};
    const ledger = entries.get(id) ?? [];
    const plain = (value: unknown) => JSON.parse(withoutNames(JSON.stringify(value), id)) as unknown;
    return [
      id,
      {
        effects: effectsIn(ledger),
        refunds: {
          ours: [...refundsIn(made, id), ...buriedIn(own.tombstones ?? [], made, ledger)].toSorted(),
          theirs: refundsOf(ledger),
        },
        status: (own.contracts?.[0]?.status as string | undefined) ?? null,
        subscriptions: await subscriptionsOf(world, id, ledger),
        rows: Object.fromEntries(
          Object.entries(own).map(([table, list]) => [table, list.map((row) => JSON.stringify(plain(row))).toSorted()]),
        ),
      },
    ];
  });
  return new Map(await Promise.all(standings));
}

/** Without the contract's name, and without the ids that Stripe made up. */
function withoutNames(text: string, contractId: string): string {
  return text.replaceAll(contractId, "CONTRACT").replaceAll(/\b(il|re|ch|sub|in|pi)_[A-Za-z0-9]{10,}/g, "$1_MADE");
}

function byContract(ledger: readonly LedgerEntry[], ids: ReadonlySet<string>): ReadonlyMap<string, LedgerEntry[]> {
  const entries = new Map<string, LedgerEntry[]>();
  for (const entry of ledger) {
    const [, id = ""] = /_(m\d\d-\w+?)(?:_|"|$)/.exec(JSON.stringify(entry)) ?? [];
    if (!ids.has(id)) continue;
    entries.set(id, [...(entries.get(id) ?? []), entry]);
  }
  return entries;
}

function effectsIn(ledger: readonly LedgerEntry[]): readonly string[] {
  return ledger
    .filter(({ requestId }) => requestId !== null)
    .map(({ effect, amount }) => (amount === undefined ? effect : `${effect} ${amount}`))
    .toSorted();
}

function refundsOf(ledger: readonly LedgerEntry[]): readonly string[] {
  return ledger
    .filter(({ effect }) => effect === "refund.created")
    .map(({ objectId, metadata, amount, paymentIntent }) =>
      [objectId, metadata.keiyaku_refund, amount, paymentIntent].join(" "),
    )
    .toSorted();
}

function refundsIn(made: readonly { contract_id: string; refund: string }[], id: string): readonly string[] {
  return made.filter(({ contract_id }) => contract_id === id).map(({ refund }) => refund);
}

interface Buried {
  readonly refundId: string | null;
  readonly amountMinor: number;
  readonly stripePaymentIntentId: string | null;
  readonly result: string;
}

/** What a tombstone says was refunded. It forgets Stripe's id of it, which is taken from the ledger. */
function buriedIn(
  tombstones: readonly Row[],
  made: readonly { refund: string }[],
  ledger: readonly LedgerEntry[],
): readonly string[] {
  return tombstones
    .flatMap(({ payments }) => payments as readonly Buried[])
    .filter(({ result }) => result === "refunded")
    .map(({ refundId, amountMinor, stripePaymentIntentId }) => {
      const entry = ledger.find(({ metadata }) => metadata.keiyaku_refund === refundId);
      return [entry?.objectId, refundId, amountMinor, stripePaymentIntentId].join(" ");
    })
    .filter((refund) => !made.some((row) => row.refund === refund));
}

async function subscriptionsOf(
  { deps }: World,
  contractId: string,
  ledger: readonly LedgerEntry[],
): Promise<readonly string[]> {
  const ids = [...new Set(ledger.filter(({ object }) => object === "subscription").map(({ objectId }) => objectId))];
  const seen = await Promise.all(
    ids.map(async (id) => {
      const reply = await deps.gateway.readSubscription(id);
      if (reply.type !== "done" || reply.value.type !== "found") throw new Error(`Stripe does not tell of ${id}`);
      const { stripeSubscriptionStatus, cancelAtPeriodEnd, cancelAt } = reply.value;
      return [withoutNames(id, contractId), stripeSubscriptionStatus, cancelAtPeriodEnd, cancelAt].join(" ");
    }),
  );
  return seen.toSorted();
}
