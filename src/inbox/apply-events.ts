import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { operationOfKey } from "../execution/make-call.ts";
import {
  applyEvent,
  type BareBody,
  holdEvent,
  ignoreEvent,
  keepEventUnmatched,
  letEventRest,
  putOffEvent,
} from "../store/conclude-event.ts";
import type { Database } from "../store/database.ts";
import { findEventContract } from "../store/find-event-contract.ts";
import { findMentionedDeletions } from "../store/mentioned.ts";
import { type DueEvent, readDueEvents } from "../store/read-due-events.ts";
import { isConflict, isOutage, StoreError } from "../store/store-error.ts";
import { bareEvent } from "../stripe/bare-event.ts";
import { carriesKey, causeOf, type EventMeaning, meaningOf } from "../stripe/events.ts";
import { mentionsIn } from "../stripe/mentions.ts";
import { type Decision, decideFailure, decideOperation, mindDeletions, referenceOf } from "./decide-event.ts";

export interface InboxDeps {
  readonly db: Database;
  readonly log: Logger;
  /** The key in the metadata of all subscriptions and intents of ours; null where not all have one. */
  readonly metadataKey?: string | null;
  /** Told what became of an event of this type, once it waits for nothing any more but, perhaps, a person. */
  readonly eventConcluded?: (type: string, result: EventResult) => void;
}

/** How an event ends here: as an operation, as nothing, or in front of a person. */
export const eventResults = ["applied", "ignored", "rested", "held"] as const;
export type EventResult = (typeof eventResults)[number];

/** Two or three statements an event, of a few milliseconds: a few at once keep the database as busy as it should be. */
const atOnce = 4;

/**
 * Looks at a page of the events that are due, oldest first, and says how many it held: what they mean, whose they are, and
 * what becomes of them, each in one guarded statement. Events about the same subscription or intent follow each other, so
 * that a burst about one becomes one operation; others go on beside them, also when one of them fails by itself.
 *
 * Several processes may do so at once: each event is concluded once. Throws {@link StoreError} when the database cannot be
 * worked with; what was concluded before stays so, and the rest is still due.
 */
export async function applyDueEvents(deps: InboxDeps, limit: number): Promise<number> {
  const events = await readDueEvents(deps.db, limit);
  const groups = grouped(events.map(read));
  let outage: unknown;
  const work = async () => {
    for (let group = groups.shift(); group !== undefined && outage === undefined; group = groups.shift()) {
      try {
        for (const each of group) await lookAt(deps, each);
      } catch (error) {
        outage = error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (outage !== undefined) throw outage;
  return events.length;
}

interface ReadEvent {
  readonly event: DueEvent;
  readonly meaning: EventMeaning;
  /** What it is about, as far as others may be about the same. */
  readonly about: string;
}

function read(event: DueEvent): ReadEvent {
  const { type, body } = event;
  const meaning: EventMeaning = body === null ? { type: "unreadable", field: "body" } : meaningOf({ type, body });
  return { event, meaning, about: meaning.type === "operation" ? referenceOf(meaning.about) : event.id };
}

/** Those that are about the same thing together, in their order. */
function grouped(events: readonly ReadEvent[]): (readonly ReadEvent[])[] {
  const groups = new Map<string, ReadEvent[]>();
  for (const each of events) {
    const group = groups.get(each.about);
    if (group === undefined) groups.set(each.about, [each]);
    else group.push(each);
  }
  return [...groups.values()];
}

/** Looks at one event. Throws only when the database cannot be worked with. */
async function lookAt(deps: InboxDeps, { event, meaning }: ReadEvent): Promise<void> {
  try {
    await writeDown(deps, event, await minded(deps, event, await decide(deps, event, meaning)));
  } catch (error) {
    // Somebody else was there first, or what was decided from has changed: what is still due is looked at again.
    if (isConflict(error)) return;
    if (isOutage(error)) throw error;
    deps.log.error({ err: error, eventId: event.id }, "an event could not be dealt with");
    const failure = decideFailure(event, error instanceof StoreError ? error.code : "unexpected_error");
    await minded(deps, event, failure)
      .then((decision) => writeDown(deps, event, decision))
      .catch((again: unknown) => {
        if (!isConflict(again)) throw again;
      });
  }
}

async function decide(deps: InboxDeps, event: DueEvent, meaning: EventMeaning): Promise<Decision> {
  switch (meaning.type) {
    case "unreadable":
      return { type: "hold", reason: `unreadable: ${meaning.field}`, isDeleted: false };
    case "ignored":
      return { type: "ignore", reason: meaning.reason, contractId: null, isDeleted: false };
    case "operation": {
      const sent = { body: event.body ?? {} };
      const { requestId, idempotencyKey } = causeOf(sent);
      const call = idempotencyKey === null ? undefined : operationOfKey(idempotencyKey);
      const facts = await findEventContract(deps.db, meaning.about, { requestId, call });
      const isMarked = deps.metadataKey == null ? null : carriesKey(sent, deps.metadataKey);
      return decideOperation(event, meaning, facts, isMarked);
    }
  }
}

/** The decision in the light of deletions, which are looked at where a body would be kept by it. */
async function minded({ db }: InboxDeps, event: DueEvent, decision: Decision): Promise<Decision> {
  const keepsBody = decision.type === "unmatched" || decision.type === "hold" || decision.type === "ignore";
  if (!keepsBody || decision.isDeleted) return decision;
  return mindDeletions(event, decision, await findMentionedDeletions(db, event.id));
}

/** What stays of the body of an event that goes on waiting although what it mentions was deleted; null: all of it. */
function bareOf({ body }: DueEvent, { isDeleted }: { readonly isDeleted: boolean }): BareBody | null {
  if (!isDeleted || body === null) return null;
  const bare = bareEvent(body);
  return { body: bare, mentions: mentionsIn(bare) };
}

async function writeDown(deps: InboxDeps, event: DueEvent, decision: Decision): Promise<void> {
  const { db, log } = deps;
  const conclude = (result: EventResult, facts: object) => {
    deps.eventConcluded?.(event.type, result);
    log.info({ eventId: event.id, eventType: event.type, ...facts }, `an event of Stripe's was ${result}`);
  };
  switch (decision.type) {
    case "apply": {
      await applyEvent(db, event, { ...decision, operationId: operationIdOf(event.id) });
      return conclude("applied", { contractId: decision.contractId, kind: decision.kind });
    }
    case "ignore":
      await ignoreEvent(db, event, decision);
      return conclude("ignored", { reason: decision.reason, reference: decision.reference });
    case "wait":
      return putOffEvent(db, event, decision);
    case "unmatched": {
      const { delayMs, ...rest } = decision;
      const bare = bareOf(event, decision);
      if (delayMs !== null) return keepEventUnmatched(db, event, { ...rest, delayMs }, bare);
      await letEventRest(db, event, rest, bare);
      return conclude("rested", { reason: decision.reason });
    }
    case "hold":
      await holdEvent(db, event, decision.reason, bareOf(event, decision));
      return conclude("held", { reason: decision.reason });
  }
}

/** Leaves room for the number that an event's second operation has behind it, within the 64 characters of an id. */
const operationIdLengthMax = 60;

/** The id of the operation that an event becomes. Stripe's ids are of the letters that an id may have. */
export function operationIdOf(eventId: string): string {
  const id = `stripe.${eventId}`;
  if (id.length <= operationIdLengthMax) return id;
  return `stripe.${createHash("sha256").update(eventId).digest("hex").slice(0, 40)}`;
}
