import { sql } from "drizzle-orm";
import type { Change } from "../contract/change.ts";
import type { Database } from "./database.ts";
import { erasureParts } from "./erase-contract.ts";
import { json, type Part } from "./guarded-statement.ts";
import { idsOfNoOther } from "./mentioned.ts";
import { ringSenders } from "./notify-soon.ts";
import { concluded, type Guard, operationPart, tombstonePart } from "./operation-parts.ts";
import { registrationParts } from "./registration-parts.ts";
import { type Ringing, runFreeing } from "./ring-list.ts";
import { changeParts, contractsPart, type Decision, productsUnchangedPart } from "./settlement-parts.ts";

/** A decided operation, ready to be written down. */
export interface Settlement extends Omit<Decision, "operationId"> {
  readonly guard: Guard;
  /** What the ledger keeps of it: the status before and after, and what a person should know. */
  readonly outcome: Readonly<Record<string, unknown>>;
}

/**
 * Writes an operation's end in one guarded statement: status, payments, refunds, licenses, mail, outcome; and the contract
 * is free: returns the operation to ring for. From `requested` this is its admission too. A conflict means that nothing was written: decide again.
 */
export async function settleOperation(db: Database, settlement: Settlement): Promise<Ringing | undefined> {
  const { guard, change, contract, product } = settlement;
  const decision: Decision = { ...settlement, operationId: guard.operationId };
  const counted =
    guard.state === "requested" ? sql`, attempt = attempt + 1, attempts_counted = attempts_counted + 1` : sql``;
  const parts: Part[] = [
    operationPart(
      guard,
      sql`${concluded("succeeded")}, outcome = ${json(settlement.outcome)}${counted}${
        // Of a deletion, and of what is done after it, remains what it did, not why, nor what stood there before.
        change.deletion === undefined && contract?.isTombstone !== true ? sql`` : sql`, ${withoutWords}`
      }`,
    ),
  ];
  if (change.deletion !== undefined) {
    if (contract === null) throw new Error("a deletion needs a contract");
    parts.push(...erasureParts(contract, guard.operationId, change.deletion));
  } else if (contract?.isTombstone === true) {
    parts.push(tombstonePart(contract, burialAssignments(change)), forgottenEventsPart(decision));
  } else if (contract !== null) {
    parts.push(contractsPart([decision]));
  }
  if (change.registration !== undefined) {
    parts.push(
      ...registrationParts(change.registration, change.newPayments ?? [], guard.operationId, product !== null),
    );
  }
  parts.push(...productsUnchangedPart([decision]), ...changeParts([decision]));
  const ringing = await runFreeing(db, "settle_operation", parts, settlement.contractId);
  if ((change.notices ?? []).length > 0) ringSenders(db);
  return ringing;
}

/** Forgets everything of an operation's row that a person has written, and what stood there before. */
const withoutWords = sql`reason = null, frozen_facts = null,
  retries = (select coalesce(jsonb_agg(r || '{"reason": ""}'), '[]') from jsonb_array_elements(retries) as r)`;

function burialAssignments({ burial = {} }: Change) {
  const { forgetCustomer = false, latePayments = [], stripeIds = [] } = burial;
  return forgetCustomer || latePayments.length > 0
    ? sql`customer_id = case when ${forgetCustomer}::boolean then null else customer_id end,
        payments = payments || ${json(latePayments)},
        stripe_ids = stripe_ids || array(
          select id from jsonb_array_elements_text(${json(stripeIds)}) as learned(id) where id <> all (stripe_ids))`
    : undefined;
}

/**
 * What events said that became an operation of a deleted contract is forgotten, also when it was deleted while they were on their
 * way, and so is what mentions the late money that is buried with it.
 */
function forgottenEventsPart({ contractId, operationId, change }: Decision): Part {
  return {
    name: "forgotten_events",
    rows: "any",
    statement: sql`update keiyaku.stripe_events set body = null, mentions = null
      where contract_id = ${contractId} and operation_id = ${operationId} and body is not null
        or state = 'ignored' and state_reason not like 'not_ours: %'
          and mentions && ${idsOfNoOther(change.burial?.stripeIds ?? [], contractId)} returning id`,
  };
}
