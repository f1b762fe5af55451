import { API_VERSION } from "../core/call.ts";
import { newId } from "../core/ids.ts";
import type { ObjectKind, StoredEvent, StoredObjects } from "../core/stored.ts";

export interface EventFacts {
  readonly created: number;
  readonly type: string;
  /** As it stands at this moment; stored objects are never changed in place, so this is its frozen copy. */
  readonly object: StoredObjects[ObjectKind];
  readonly previousAttributes?: Record<string, unknown> | undefined;
  /** Null for what happened by itself. */
  readonly requestId: string | null;
  readonly idempotencyKey: string | null;
  readonly pendingWebhooks: number;
}

export function eventObject(facts: EventFacts): StoredEvent {
  return {
    id: newId("event"),
    object: "event",
    api_version: API_VERSION,
    created: facts.created,
    data: {
      object: facts.object,
      ...(facts.previousAttributes === undefined ? {} : { previous_attributes: facts.previousAttributes }),
    },
    livemode: false,
    pending_webhooks: facts.pendingWebhooks,
    request: { id: facts.requestId, idempotency_key: facts.idempotencyKey },
    type: facts.type,
  };
}
