import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { json } from "./guarded-statement.ts";

/** As many mails as are written in a moment; the others are told apart in the next round. */
const mailsAtOnceMax = 1_000;

/**
 * Makes of every mail that waits for the operators one for each of their addresses, with a row, a claim and an end of its own: an
 * address that is turned away for now holds back nobody else's mail, and is sent its own later. The mail as it was caused
 * becomes that of the first address, so that its cause stays known.
 *
 * Who the operators are is a setting of whoever sends, and not known to what causes a mail. Several processes may do so at once:
 * each mail is told apart once. Where all to whom one was to go are operators no more while one of them still waits for it, and none was
 * told, it is told apart anew: somebody has to read it. A mail that nobody has told apart is left as it is where there is one address.
 */
export async function tellOperatorsApart(db: Database, addresses: readonly string[]): Promise<void> {
  const [first, ...others] = new Set(addresses);
  if (first === undefined) return;
  const isWhole = sql`n.state = 'waiting' and n.address is null and ${others.length > 0}::boolean`;
  const isOperators = (address: SQL) => sql`${address} in (select jsonb_array_elements_text(${json(addresses)}))`;
  const copies = sql`from keiyaku.notifications o where o.copy_of = n.id`;
  const isForNobody = sql`n.copy_of is null and n.address is not null and not ${isOperators(sql`n.address`)}
    and (n.state = 'waiting' or exists (select ${copies} and o.state = 'waiting'))
    and not exists (select ${copies} and (${isOperators(sql`o.address`)} or o.state in ('claimed', 'sent', 'unknown')))`;
  await db.run(
    "tell_operators_apart",
    sql`with whole as (
        update keiyaku.notifications set address = ${first}, state = 'waiting', claimed_at = null,
          next_attempt_at = coalesce(next_attempt_at, clock_timestamp())
        where id in (
          select n.id from keiyaku.notifications n
          where n.state in ('waiting', 'refused') and n.recipient = 'operators' and (${isWhole} or ${isForNobody})
          order by n.id limit ${mailsAtOnceMax} for update skip locked)
        returning *)
      insert into keiyaku.notifications (cause, kind, recipient, contract_id, detail, created_at, address, copy_of)
      select w.cause, w.kind, w.recipient, w.contract_id, w.detail, w.created_at, a.address, w.id
      from whole w cross join jsonb_array_elements_text(${json(others)}) with ordinality as a (address, place)
      order by w.id, a.place returning id`,
  );
}
