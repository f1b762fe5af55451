import { sql } from "drizzle-orm";
import type { RefundIntent } from "../contract/change.ts";
import type { NoticeDetail } from "../contract/notices.ts";
import { requestingActorTypes } from "../contract/operation.ts";
import type { Database } from "./database.ts";
import { guardedStatement, json, type Part } from "./guarded-statement.ts";
import { ringSenders } from "./notify-soon.ts";
import { type ContractGuard, contractPart, type Guard, operationPart } from "./operation-parts.ts";
import { refundParts } from "./refund-parts.ts";

/** Why a person is asked. */
export const heldQuestionCodes = [
  "attempts_exhausted",
  "answer_unexplained",
  "result_still_unknown",
  "refund_limit_exceeded",
  "hourly_refund_limit_exceeded",
  "refund_not_asked_for",
] as const;

/** What a person is asked: a stable code, and what they need to answer it. No personal data. */
export interface HeldQuestion {
  readonly code: (typeof heldQuestionCodes)[number];
  readonly detail: Readonly<Record<string, string | number | null>>;
}

/**
 * Holds an operation for a person, tells the operators once, and rejects what people have asked of the contract meanwhile.
 * A request that is accepted at the same moment sees the held operation at its own admission.
 *
 * `owed`: a refund that was to be sent and is not. It is written as owed in the same statement, lest it be forgotten when
 * the operation is abandoned.
 */
export async function holdOperation(
  db: Database,
  guard: Guard,
  contractId: string,
  question: HeldQuestion,
  owed?: { readonly contract: ContractGuard; readonly refund: RefundIntent },
): Promise<void> {
  const people = sql`${`{${requestingActorTypes.join(",")}}`}::keiyaku.actor_type[]`;
  const parts: Part[] = [
    operationPart(
      guard,
      sql`state = 'held', held_question = ${json(question)}, next_attempt_at = null, wait_reason = null, ring_at = null,
        touched_at = clock_timestamp(),
        occupies = exists (select from keiyaku.stripe_calls s where s.operation_id = ${guard.operationId} and s.type = 'call')`,
    ),
    {
      name: "waiting",
      rows: "any",
      statement: sql`update keiyaku.operations set state = 'rejected', concluded_at = clock_timestamp(),
          rejection_code = 'operation_held', rejection_detail = ${json({ operationId: guard.operationId })},
          next_attempt_at = null, wait_reason = null, ring_at = null
        where contract_id = ${contractId} and state = 'requested' and not occupies and id <> ${guard.operationId}
          and actor_type = any (${people}) returning id`,
    },
    {
      name: "notice",
      rows: 1,
      statement: sql`insert into keiyaku.notifications (cause, kind, recipient, contract_id, detail)
        values (${`${guard.operationId}:held:${guard.attempt}`}, 'operation_held', 'operators', ${contractId},
          ${json({ operationId: guard.operationId, question: question.code } satisfies NoticeDetail<"operation_held">)})
        returning id`,
    },
  ];
  if (owed !== undefined) {
    parts.push(contractPart(owed.contract, guard.operationId), ...refundParts(guard, owed.contract, owed.refund));
  }
  await db.run("hold_operation", guardedStatement(parts));
  ringSenders(db);
}
