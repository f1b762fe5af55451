import type { Collection } from "./collection.ts";
import { type Collections, collectionOf } from "./collections.ts";
import type { StoredResult } from "./idempotency-keys.ts";
import type { EffectDetails, LedgerEntry } from "./ledger.ts";
import type { ObjectKind, StoredObjects } from "./stored.ts";

/** Who asked for a change: a request, or the control (`requestId: null`). */
export interface Cause {
  readonly requestId: string | null;
  readonly idempotencyKey?: string;
}

/** What a change did, as it is written into the state file. */
export interface CommittedChange {
  readonly objects: readonly StoredObjects[ObjectKind][];
  readonly ledger: readonly LedgerEntry[];
  readonly result?: StoredResult;
}

/** A change while it is being made: objects are visible to its own reads at once, the ledger only when it is committed. */
export class Change {
  readonly objects: Collections;
  /** Seconds on the stand-in's clock, as Stripe dates its objects. */
  readonly now: number;
  readonly #cause: Cause;
  readonly #nowMs: number;
  readonly #put = new Map<string, StoredObjects[ObjectKind]>();
  readonly #undo: (() => void)[] = [];
  readonly #effects: EffectDetails[] = [];
  #result: StoredResult | undefined;

  constructor(objects: Collections, cause: Cause, nowMs: number) {
    this.objects = objects;
    this.now = Math.floor(nowMs / 1000);
    this.#nowMs = nowMs;
    this.#cause = cause;
  }

  /** Stores an object, new or changed, and returns it. */
  put<T extends StoredObjects[ObjectKind]>(object: T): T {
    const collection: Collection<T> = collectionOf(this.objects, object);
    const before = collection.put(object);
    this.#undo.push(() => {
      if (before === undefined) collection.remove(object.id);
      else collection.put(before);
    });
    this.#put.set(object.id, object);
    return object;
  }

  /** Enters an effect into the ledger. */
  record(effect: EffectDetails): void {
    this.#effects.push({ ...effect, metadata: { ...effect.metadata } });
  }

  /** Stores the answer of this change under its idempotency key, together with its effects. */
  keep(result: Omit<StoredResult, "storedAt">): void {
    this.#result = { ...result, storedAt: this.#nowMs };
  }

  /** What is to be written once the change is complete. */
  finished(ledgerLength: number): CommittedChange {
    const { requestId, idempotencyKey } = this.#cause;
    const ledger = this.#effects.map(
      (effect, position): LedgerEntry => ({
        sequence: ledgerLength + position + 1,
        at: this.#nowMs,
        ...effect,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        requestId,
      }),
    );
    return {
      objects: [...this.#put.values()],
      ledger,
      ...(this.#result === undefined ? {} : { result: this.#result }),
    };
  }

  takeBack(): void {
    for (const undo of this.#undo.toReversed()) undo();
  }
}
