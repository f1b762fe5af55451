import { sql } from "drizzle-orm";
import type { BusinessDate, Instant } from "../contract/calendar.ts";
import type { PaymentMethod } from "../contract/contract.ts";
import type { Database } from "./database.ts";
import { hasCome } from "./has-come.ts";

/** A mail that this process alone may send now, with whom and what it is about as they are known at this moment. */
export interface ClaimedNotification {
  readonly id: number;
  /** Which mail; one of another version of this program may be of a kind that is not known here. */
  readonly kind: string;
  readonly recipient: "customer" | "operators";
  /** Which of several operators; null where there is one, and for the customer. */
  readonly address: string | null;
  readonly contractId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly createdAt: Instant;
  /** The moment of the claim: it is sent at once. */
  readonly claimedAt: Instant;
  /** The claim's number: whatever is noted of it is guarded by this. */
  readonly attempt: number;
  /** How often it was taken, this time included, since it was caused or a person had it sent again. */
  readonly tries: number;
  /** Null when the contract is not there (any more), or the mail is about none. */
  readonly contract: MailedContract | null;
  /** The contract's customer; null when they are not known (any more). */
  readonly customer: MailedCustomer | null;
}

/** What mails tell of a contract beside their own detail. */
export interface MailedContract {
  readonly productId: string;
  readonly currency: string;
  readonly paymentMethod: PaymentMethod;
  readonly startOn: BusinessDate;
}

/** A customer as a mail addresses them. Personal data: it goes into the mail and nowhere else. */
export interface MailedCustomer {
  readonly name: string;
  readonly email: string;
  readonly locale: "ja" | "en";
}

/**
 * Takes up to `limit` mails that wait and are due, the longest due first: each is claimed, and its attempt counted, before it
 * is returned. Locks their rows while it writes; a second caller at the same moment passes them over and takes others. A reply
 * that was lost leaves claims that nobody sends: they come to be `unknown` by {@link giveUpOnClaims}.
 *
 * With `apart`, mails to operators are left until they are told apart (`tell-operators-apart.ts`).
 *
 * What one reader is told of one contract is sent in the order in which it was caused, one mail after the other: the last that
 * arrives is true, even if an earlier one was turned away for a while, or is still to be told apart.
 */
export async function claimNotifications(
  db: Database,
  limit: number,
  { apart = false }: { readonly apart?: boolean } = {},
): Promise<readonly ClaimedNotification[]> {
  const rows = await db.run<{ notification: ClaimedNotification }>(
    "claim_notifications",
    sql`with due as (
        select n.id from keiyaku.notifications n where n.state = 'waiting'
            and ${hasCome(sql`n.next_attempt_at`)}
          and (n.recipient <> 'operators' or n.address is not null or not ${apart}::boolean)
          and not exists (select from keiyaku.notifications earlier where earlier.contract_id = n.contract_id
            and earlier.recipient = n.recipient
            and (coalesce(earlier.address, '') = coalesce(n.address, '') or (${apart}::boolean and earlier.address is null))
            and coalesce(earlier.copy_of, earlier.id) < coalesce(n.copy_of, n.id)
            and earlier.state in ('waiting', 'claimed'))
        order by n.next_attempt_at, n.id limit ${limit} for update of n skip locked),
      claimed as (
        update keiyaku.notifications n
        set state = 'claimed', attempt = n.attempt + 1, claimed_at = clock_timestamp(), next_attempt_at = null
        from due where n.id = due.id returning n.*)
      select json_build_object('id', n.id, 'kind', n.kind, 'recipient', n.recipient, 'address', n.address, 'contractId', n.contract_id,
        'detail', n.detail, 'createdAt', n.created_at, 'claimedAt', n.claimed_at, 'attempt', n.attempt,
        'tries', n.attempt - coalesce((n.resends -> -1 ->> 'attempt')::integer, 0),
        'contract', case when c.id is not null then json_build_object('productId', c.product_id,
          'currency', c.currency, 'paymentMethod', c.payment_method, 'startOn', c.start_on) end,
        'customer', case when u.id is not null and n.recipient = 'customer' then
          json_build_object('name', u.name, 'email', u.email, 'locale', u.locale) end) as notification
      from claimed n left join keiyaku.contracts c on c.id = n.contract_id
        left join keiyaku.customers u on u.id = c.customer_id
      order by n.id`,
  );
  return rows.map(({ notification }) => notification);
}
