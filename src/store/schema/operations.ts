import { sql } from "drizzle-orm";
import { bigint, boolean, char, check, index, integer, jsonb, text, uniqueIndex } from "drizzle-orm/pg-core";
import {
  actorType,
  instant,
  isId,
  isObject,
  keiyaku,
  operationKind,
  operationState,
  rejectionCode,
} from "./keiyaku-schema.ts";

/**
 * The ledger: every operation that was ever accepted, whoever caused it. `docs/operation-lifecycle.md` tells its states.
 *
 * It has no foreign key to contracts: an operation may name a contract that does not exist yet, or no longer.
 */
export const operations = keiyaku.table(
  "operations",
  {
    /** Chosen by the requester: the idempotency key. */
    id: text("id").primaryKey(),
    /** The place in the one global order of acceptance. */
    sequence: bigint("sequence", { mode: "number" }).generatedAlwaysAsIdentity().notNull().unique(),
    /** What is to become true. */
    kind: operationKind("kind").notNull(),
    /** Of which contract. */
    contractId: text("contract_id").notNull(),
    /** What sort of actor asked. */
    actorType: actorType("actor_type").notNull(),
    /** Which one, in the requester's own words. */
    actorId: text("actor_id").notNull(),
    /** The kind's parameters, as they came; validated at admission. */
    params: jsonb("params").notNull(),
    /** Why, in the requester's words. */
    reason: text("reason"),
    /** The digest of the plan that the requester was shown; null when they carry it out whatever it does. */
    expectedPlan: char("expected_plan", { length: 64 }),
    /** When the requester asked, by their clock. */
    requestedAt: instant("requested_at").notNull(),
    /** When the queue took it, or the ledger where that was earlier: the moment that decides its business date. */
    takenAt: instant("taken_at").notNull(),
    /** When this row was written. */
    acceptedAt: instant("accepted_at").notNull(),
    /** SHA-256 of everything but `requestedAt`: tells a repetition from another request under the same id. */
    contentHash: char("content_hash", { length: 64 }).notNull(),
    /** Where it stands. */
    state: operationState("state").notNull(),
    /** How many attempts there were; names the one that may write. */
    attempt: integer("attempt").notNull().default(0),
    /** How many of them count against the limit; what was put back does not, a death of the worker does. */
    attemptsCounted: integer("attempts_counted").notNull().default(0),
    /** Whether it occupies its contract. */
    occupies: boolean("occupies").notNull().default(false),
    /** Not before this moment will it be tried again; null for at once. */
    nextAttemptAt: instant("next_attempt_at"),
    /** Why it was put back or will be tried again, in a word; null otherwise. */
    waitReason: text("wait_reason"),
    /** From this moment on the sweep rings for it, if it is still open and silent; null once it is final or held. */
    ringAt: instant("ring_at"),
    /** How often the sweep has rung since the last sign of life; the gap doubles with it. */
    rings: integer("rings").notNull().default(0),
    /** The last write of an attempt: its sign of life. */
    touchedAt: instant("touched_at"),
    /** The facts that were frozen with the first call, so that every later attempt decides from the same ones. */
    frozenFacts: jsonb("frozen_facts"),
    /** What a person is, or was last, asked. */
    heldQuestion: jsonb("held_question"),
    /** Which rule refused it. */
    rejectionCode: rejectionCode("rejection_code"),
    /** What the refusal was about. */
    rejectionDetail: jsonb("rejection_detail"),
    /** What it did: the status before and after, and what a person should know. */
    outcome: jsonb("outcome"),
    /** Each time that a person let it be tried again while it was held: who, why and when, oldest first. */
    retries: jsonb("retries").notNull().default([]),
    /** Who abandoned it, and why. */
    abandonment: jsonb("abandonment"),
    /** When it became final. */
    concludedAt: instant("concluded_at"),
  },
  (table) => [
    check("operations_id_form", isId(table.id)),
    check("operations_contract_id_form", isId(table.contractId)),
    check("operations_params_is_object", isObject(table.params)),
    check("operations_frozen_facts_is_object", isObject(table.frozenFacts)),
    check("operations_held_question_is_object", isObject(table.heldQuestion)),
    check("operations_rejection_detail_is_object", isObject(table.rejectionDetail)),
    check("operations_outcome_is_object", isObject(table.outcome)),
    check("operations_abandonment_is_object", isObject(table.abandonment)),
    check("operations_retries_is_list", sql`jsonb_typeof(${table.retries}) = 'array'`),
    check(
      "operations_attempts_count_up",
      sql`${table.attempt} >= ${table.attemptsCounted} and ${table.attemptsCounted} >= 0`,
    ),
    check(
      "operations_final_has_a_time",
      sql`(${table.state} in ('succeeded', 'rejected', 'abandoned')) = (${table.concludedAt} is not null)`,
    ),
    check("operations_succeeded_has_outcome", sql`(${table.state} = 'succeeded') = (${table.outcome} is not null)`),
    check("operations_rejected_has_code", sql`(${table.state} = 'rejected') = (${table.rejectionCode} is not null)`),
    check("operations_abandoned_has_person", sql`(${table.state} = 'abandoned') = (${table.abandonment} is not null)`),
    check("operations_held_has_question", sql`${table.state} <> 'held' or ${table.heldQuestion} is not null`),
    check(
      "operations_only_open_ones_occupy",
      sql`not ${table.occupies} or ${table.state} in ('requested', 'executing', 'held')`,
    ),
    check(
      "operations_executing_occupies",
      sql`${table.state} <> 'executing' or (${table.occupies} and ${table.touchedAt} is not null)`,
    ),
    check(
      "operations_ringing_is_for_open_ones",
      sql`(${table.state} in ('requested', 'executing')) = (${table.ringAt} is not null)`,
    ),
    uniqueIndex("operations_one_occupies_a_contract").on(table.contractId).where(sql`${table.occupies}`),
    index("operations_open_of_contract")
      .on(table.contractId, table.sequence)
      .where(sql`${table.state} in ('requested', 'executing', 'held')`),
    index("operations_to_ring_for").on(table.ringAt).where(sql`${table.ringAt} is not null`),
    index("operations_of_contract").on(table.contractId, table.sequence),
    index("operations_of_run").on(table.actorId, table.kind).where(sql`${table.actorType} = 'schedule'`),
    index("operations_open_of_run")
      .on(table.actorId, table.kind, table.sequence)
      .where(sql`${table.actorType} = 'schedule' and ${table.state} in ('requested', 'executing', 'held')`),
    index("operations_held").on(table.sequence).where(sql`${table.state} = 'held'`),
  ],
);
