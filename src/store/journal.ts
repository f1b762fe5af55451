import { sql } from "drizzle-orm";
import type { RefundIntent } from "../contract/change.ts";
import type { RefundState } from "../contract/contract.ts";
import type { Facts } from "../contract/operation.ts";
import type { Answer, Call, Look } from "../contract/step.ts";
import { version } from "../version.ts";
import { takeoverAfterMs } from "./admit-operation.ts";
import type { Database } from "./database.ts";
import { guardedStatement, json, type Part } from "./guarded-statement.ts";
import { type ContractGuard, contractPart, type Guard, operationPart } from "./operation-parts.ts";
import { countedRefundPart } from "./refund-hours.ts";
import { refundParts } from "./refund-parts.ts";

/** A look that was answered, as the journal keeps it. */
export interface SeenLook {
  readonly name: string;
  readonly look: Look;
  readonly answer: Answer;
  /** Stripe's id of the request that answered, the last of several. */
  readonly requestId: string | null;
}

/** A call that is about to be sent for the first time. */
export interface Intent {
  readonly name: string;
  readonly call: Call;
  readonly idempotencyKey: string;
  readonly refund: RefundIntent | undefined;
  /** The refund is counted into this hour, up to the limit, or whatever it comes to where that is null. */
  readonly counted?: { readonly amountMinor: number; readonly limitMinor: number | null };
  /** With the operation's first call: the facts it was decided from, and every look so far. */
  readonly frozen: { readonly facts: Facts; readonly looks: readonly SeenLook[] } | null;
}

const signOfLife = sql`touched_at = clock_timestamp(),
  ring_at = clock_timestamp() + ${takeoverAfterMs} * interval '1 millisecond'`;

/**
 * Journals the intent to call Stripe, before anything is sent: key, frozen parameters, and what exists because of it. With
 * the first call the facts are frozen too, so that every later attempt decides alike. A conflict: another attempt has it, or
 * others have used up what this hour allows.
 */
export async function journalIntent(
  db: Database,
  guard: Guard,
  contract: ContractGuard,
  intent: Intent,
): Promise<void> {
  const frozen = intent.frozen === null ? signOfLife : sql`${signOfLife}, frozen_facts = ${json(intent.frozen.facts)}`;
  const parts: Part[] = [
    operationPart(guard, frozen),
    contractPart(contract, guard.operationId),
    {
      name: "intent",
      rows: 1,
      statement: sql`insert into keiyaku.stripe_calls (operation_id, name, type, request, idempotency_key, key_number,
          first_sent_at, last_sent_at, code_version)
        values (${guard.operationId}, ${intent.name}, 'call', ${json(intent.call)}, ${intent.idempotencyKey}, 1,
          clock_timestamp(), clock_timestamp(), ${version}) returning name`,
    },
  ];
  const looks = intent.frozen?.looks ?? [];
  if (looks.length > 0) parts.push(looksPart(guard.operationId, looks));
  if (intent.refund !== undefined) parts.push(...refundParts(guard, contract, intent.refund));
  if (intent.counted !== undefined) {
    parts.push(countedRefundPart(intent.counted.amountMinor, intent.counted.limitMinor));
  }
  await db.run("journal_intent", guardedStatement(parts));
}

/** Writes that the attempt is still at work, so that nobody takes it over. A conflict: another attempt has already. */
export async function giveSignOfLife(db: Database, guard: Guard): Promise<void> {
  await db.run("sign_of_life", guardedStatement([operationPart(guard, signOfLife)]));
}

/** Journals that a call is sent once more: under the same key, or under the next one when the first is surely forgotten. */
export async function journalResend(
  db: Database,
  guard: Guard,
  call: { readonly name: string; readonly keyNumber: number; readonly nextKey?: string },
): Promise<void> {
  const renewed =
    call.nextKey === undefined
      ? sql`first_sent_at = coalesce(first_sent_at, clock_timestamp()), last_sent_at = clock_timestamp()`
      : sql`idempotency_key = ${call.nextKey}, key_number = key_number + 1, first_sent_at = clock_timestamp(),
          last_sent_at = clock_timestamp()`;
  const parts: Part[] = [
    operationPart(guard, signOfLife),
    {
      name: "resend",
      rows: 1,
      statement: sql`update keiyaku.stripe_calls set ${renewed}
        where operation_id = ${guard.operationId} and name = ${call.name} and key_number = ${call.keyNumber}
          and answer is null returning name`,
    },
  ];
  await db.run("journal_resend", guardedStatement(parts));
}

/** How a refund row moves with the answer to its call. Refused: it stays `due`, and says why. */
export type AnsweredRefund =
  | {
      readonly refundId: string;
      readonly to: Extract<RefundState, "pending" | "requires_action" | "succeeded" | "failed" | "canceled">;
      readonly stripeRefundId: string;
    }
  | { readonly refundId: string; readonly to: "due"; readonly refusalCode: string };

/** Journals what Stripe answered to a call, and moves the rows that exist because of it. Answered once and for all. */
export async function journalAnswer(
  db: Database,
  guard: Guard,
  contract: ContractGuard | null,
  answered: {
    readonly name: string;
    readonly answer: Answer;
    readonly learnedBy: "reply" | "look";
    readonly requestId: string | null;
    readonly refund: AnsweredRefund | undefined;
  },
): Promise<void> {
  const parts: Part[] = [
    operationPart(guard, signOfLife),
    {
      name: "answer",
      rows: 1,
      statement: sql`update keiyaku.stripe_calls set answer = ${json(answered.answer)}, answered_at = clock_timestamp(),
          learned_by = ${answered.learnedBy}, request_id = ${answered.requestId}
        where operation_id = ${guard.operationId} and name = ${answered.name} and answer is null returning name`,
    },
  ];
  if (answered.refund !== undefined) {
    if (contract === null) throw new Error("a refund needs a contract");
    parts.push(contractPart(contract, guard.operationId), refundMovePart(answered.refund));
  }
  await db.run("journal_answer", guardedStatement(parts));
}

/** Journals a look that was taken after the first call, so that every later attempt sees the same. */
export async function journalLook(db: Database, guard: Guard, look: SeenLook): Promise<void> {
  await db.run(
    "journal_look",
    guardedStatement([operationPart(guard, signOfLife), looksPart(guard.operationId, [look])]),
  );
}

function looksPart(operationId: string, looks: readonly SeenLook[]): Part {
  return {
    name: "looks",
    rows: looks.length,
    statement: sql`insert into keiyaku.stripe_calls (operation_id, name, type, request, answer, answered_at, learned_by,
        request_id, code_version)
      select ${operationId}, "name", 'look', "look", "answer", clock_timestamp(), 'reply', "requestId", ${version}
      from jsonb_to_recordset(${json(looks)}) as r("name" text, "look" jsonb, "answer" jsonb, "requestId" text)
      returning name`,
  };
}

function refundMovePart(move: AnsweredRefund): Part {
  const assignments =
    move.to === "due"
      ? sql`refusal_code = ${move.refusalCode}`
      : sql`state = ${move.to}::keiyaku.refund_state, stripe_refund_id = ${move.stripeRefundId}, refusal_code = null,
          settled_at = case when ${move.to} = 'succeeded' then clock_timestamp() end`;
  return {
    name: "refund",
    rows: 1,
    statement: sql`update keiyaku.refunds set ${assignments} where id = ${move.refundId} and state = 'due' returning id`,
  };
}
