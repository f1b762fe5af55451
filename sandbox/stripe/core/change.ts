import { eventObject } from "../objects/event.ts";
import type { Collection } from "./collection.ts";
import { type Collections, collectionOf } from "./collections.ts";
import { differences } from "./differences.ts";
import type { StoredResult } from "./idempotency-keys.ts";
import type { EffectDetails, LedgerEntry } from "./ledger.ts";
import type { ObjectKind, StoredEvent, StoredObjects } from "./stored.ts";
import type { World } from "./world.ts";

type Stored = StoredObjects[ObjectKind];

/** Who asked for a change: a request, or the control or time itself (`requestId: null`). */
export interface Cause {
  readonly requestId: string | null;
  readonly idempotencyKey?: string;
}

/** What a change did, as it is written into the state file. Events are among the objects. */
export interface CommittedChange {
  readonly objects: readonly Stored[];
  /** What was deleted. */
  readonly removed?: readonly Pick<Stored, "id" | "object">[];
  readonly ledger: readonly LedgerEntry[];
  readonly result?: StoredResult;
}

/** What surrounds a change. */
export interface ChangeSetting {
  readonly objects: Collections;
  readonly world: World;
  readonly cause: Cause;
  /** Milliseconds on the stand-in's own clock. */
  readonly nowMs: number;
  /** How many webhook endpoints want events of a type. */
  readonly receiversOf: (type: string) => number;
}

/** A change while it is being made: objects are visible to its own reads at once, the ledger only when it is committed. */
export class Change {
  readonly objects: Collections;
  readonly world: Readonly<World>;
  readonly #setting: ChangeSetting;
  readonly #put = new Map<string, Stored>();
  readonly #removed: Stored[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #effects: (EffectDetails & { at: number })[] = [];
  /** Each object as this change found it, or as its event of creation has told it. */
  readonly #begun = new Map<string, Stored | undefined>();
  /** Each object as the last event of an update has told it, by type of event and id. */
  readonly #told = new Map<string, Stored>();
  readonly #events: StoredEvent[] = [];
  #nowMs: number;
  #result: StoredResult | undefined;

  constructor(setting: ChangeSetting) {
    this.#setting = setting;
    this.objects = setting.objects;
    this.world = setting.world;
    this.#nowMs = setting.nowMs;
  }

  /** Seconds on the clock that dates what is being changed, as Stripe dates its objects. */
  get now(): number {
    return Math.floor(this.#nowMs / 1000);
  }

  /** What follows is dated with this moment, in seconds: the time of a test clock, or one that time has reached. */
  moveTo(now: number): void {
    this.#nowMs = now * 1000;
  }

  /** Stores an object, new or changed, and returns it. */
  put<T extends Stored>(object: T): T {
    const collection: Collection<T> = collectionOf(this.objects, object);
    const before = collection.put(object);
    this.#undo.push(() => {
      if (before === undefined) collection.remove(object.id);
      else collection.put(before);
    });
    if (!this.#begun.has(object.id)) this.#begun.set(object.id, before);
    this.#put.set(object.id, object);
    return object;
  }

  /** Deletes an object for good. */
  remove<T extends Stored>(object: T): void {
    const collection: Collection<T> = collectionOf(this.objects, object);
    collection.remove(object.id);
    this.#undo.push(() => collection.put(object));
    this.#put.delete(object.id);
    this.#removed.push(object);
  }

  /** Changes what is to come; taken back with everything else. */
  alter(circumstances: Partial<World>): void {
    const { world } = this.#setting;
    const before = Object.fromEntries(Object.entries(world).filter(([name]) => name in circumstances));
    Object.assign(world, circumstances);
    this.#undo.push(() => Object.assign(world, before));
  }

  /** Uses up something that was to come, for good: the outside world has acted, whatever becomes of this change. */
  useUp(circumstances: Partial<World>): void {
    Object.assign(this.#setting.world, circumstances);
  }

  /** Enters an effect into the ledger. */
  record(effect: EffectDetails): void {
    this.#effects.push({ at: this.#nowMs, ...effect, metadata: { ...effect.metadata } });
  }

  /**
   * Makes an event with the object as it stands now. An event of an update tells what changed since the last one, and is
   * not made when that is nothing.
   */
  emit(type: string, object: Stored): void {
    const previousAttributes = type.endsWith(".updated") ? this.#sinceTold(type, object) : undefined;
    if (previousAttributes !== undefined && Object.keys(previousAttributes).length === 0) return;
    if (type.endsWith(".created")) this.#begun.set(object.id, object);
    else if (type.endsWith(".updated")) this.#told.set(`${type} ${object.id}`, object);
    const { cause } = this.#setting;
    const event = this.put(
      eventObject({
        created: this.now,
        type,
        object,
        previousAttributes,
        requestId: cause.requestId,
        idempotencyKey: cause.idempotencyKey ?? null,
        pendingWebhooks: this.receiversOf(type),
      }),
    );
    this.#events.push(event);
  }

  /** How many webhook endpoints want events of a type. */
  receiversOf(type: string): number {
    return this.#setting.receiversOf(type);
  }

  /** The events that were made, in their order. */
  get events(): readonly StoredEvent[] {
    return this.#events;
  }

  /** Stores the answer of this change under its idempotency key, together with its effects. */
  keep(result: Omit<StoredResult, "storedAt">): void {
    this.#result = { ...result, storedAt: this.#setting.nowMs };
  }

  /** What is to be written once the change is complete. */
  finished(ledgerLength: number): CommittedChange {
    const { requestId, idempotencyKey } = this.#setting.cause;
    const ledger = this.#effects.map(
      (effect, position): LedgerEntry => ({
        sequence: ledgerLength + position + 1,
        ...effect,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        requestId,
      }),
    );
    return {
      objects: [...this.#put.values()],
      ...(this.#removed.length === 0 ? {} : { removed: this.#removed.map(({ id, object }) => ({ id, object })) }),
      ledger,
      ...(this.#result === undefined ? {} : { result: this.#result }),
    };
  }

  takeBack(): void {
    for (const undo of this.#undo.toReversed()) undo();
  }

  #sinceTold(type: string, object: Stored): Record<string, unknown> | undefined {
    const before = this.#told.get(`${type} ${object.id}`) ?? this.#begun.get(object.id);
    return before === undefined ? undefined : differences(before, object);
  }
}
