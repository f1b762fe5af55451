import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** Who may note what became of a mail: the claim that was made last. */
export interface Claim {
  readonly id: number;
  readonly attempt: number;
}

/**
 * What has become of a claimed mail: the mail server accepted it; it certainly did not, and will be asked again after a
 * while; it never will; or nobody knows.
 */
export type Noted =
  | { readonly state: "sent" }
  | { readonly state: "waiting"; readonly problem: string; readonly delayMs: number }
  | { readonly state: "refused" | "unknown"; readonly problem: string };

/**
 * Notes what has become of a claimed mail. Returns whether it did: not when the claim was given up meanwhile, or the mail
 * erased with its contract. Repeating it changes nothing.
 */
export async function noteDelivery(db: Database, { id, attempt }: Claim, noted: Noted): Promise<boolean> {
  const problem = noted.state === "sent" ? null : noted.problem;
  const due =
    noted.state === "waiting" ? sql`clock_timestamp() + ${noted.delayMs} * interval '1 millisecond'` : sql`null`;
  const rows = await db.run(
    "note_delivery",
    sql`update keiyaku.notifications set state = ${noted.state}, problem = ${problem}::text, next_attempt_at = ${due},
        claimed_at = case when ${noted.state} = 'waiting' then null else claimed_at end,
        sent_at = case when ${noted.state} = 'sent' then clock_timestamp() end
      where id = ${id} and state = 'claimed' and attempt = ${attempt} returning id`,
  );
  return rows.length > 0;
}

/**
 * Gives up on claims older than `leaseMs`: whoever made them is dead or cut off, and may have handed the mail over. They are
 * `unknown` from now on, never sent again by themselves. Returns them.
 */
export async function giveUpOnClaims(
  db: Database,
  leaseMs: number,
): Promise<readonly { readonly id: number; readonly kind: string }[]> {
  return db.run<{ id: number; kind: string }>(
    "give_up_on_claims",
    sql`update keiyaku.notifications set state = 'unknown', problem = 'sender_lost'
      where state = 'claimed' and claimed_at < clock_timestamp() - ${leaseMs} * interval '1 millisecond'
      returning id, kind`,
  );
}
