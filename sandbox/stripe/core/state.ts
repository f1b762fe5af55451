import { type Cause, Change, type CommittedChange } from "./change.ts";
import { type Collections, collectionOf, emptyCollections } from "./collections.ts";
import { IdempotencyKeys } from "./idempotency-keys.ts";
import type { LedgerEntry } from "./ledger.ts";
import { RequestLog, type RequestRecord } from "./request-log.ts";
import { StateFile } from "./state-file.ts";
import type { StoredEvent } from "./stored.ts";
import { initialWorld, type World } from "./world.ts";

/** One line of the state file. A change is one line, so it is there as a whole or not at all. */
export type StateLine =
  | { readonly type: "change"; readonly change: CommittedChange }
  | { readonly type: "request"; readonly request: RequestRecord }
  | { readonly type: "clock_moved"; readonly aheadMs: number }
  | { readonly type: "keys_pruned" };

/** Who is told of events once they are committed. */
export interface EventReceiver {
  receiversOf(type: string): number;
  receive(events: readonly StoredEvent[]): void;
}

/** All that the stand-in remembers. Everything but running requests survives a restart when there is a state file. */
export class State {
  readonly objects: Collections = emptyCollections();
  readonly requests: RequestLog;
  readonly world: World = initialWorld();
  keys = new IdempotencyKeys();
  receiver: EventReceiver | undefined;
  readonly #nowMs: () => number;
  readonly #file: StateFile | undefined;
  readonly #observers = new Set<(committed: CommittedChange) => void>();
  #ledger: LedgerEntry[] = [];
  #aheadMs = 0;
  #isClosed = false;

  constructor(nowMs: () => number, stateFile: string | undefined) {
    this.#nowMs = nowMs;
    this.#file = stateFile === undefined ? undefined : new StateFile(stateFile);
    this.requests = new RequestLog((request) => this.#append({ type: "request", request }));
    this.#restore();
  }

  /** The stand-in's own clock: the one that it was given, and as much further as it has been moved. */
  get nowMs(): number {
    return this.#nowMs() + this.#aheadMs;
  }

  /** Moves the own clock forward. What time brings about is the business of `passTime`. */
  moveClock(byMs: number): void {
    this.#aheadMs += byMs;
    this.#append({ type: "clock_moved", aheadMs: this.#aheadMs });
  }

  /** The ledger's entries after a sequence number; 0 gives all of them. Sequences have no gaps. */
  ledgerAfter(sequence: number): LedgerEntry[] {
    return this.#ledger.slice(sequence);
  }

  /**
   * Runs one change to its end. It is committed as a whole when `run` returns and taken back as a whole when it throws.
   * `run` is synchronous, so changes never overlap.
   */
  change<T>(cause: Cause, run: (change: Change) => T): T {
    return this.commit(cause, run).outcome;
  }

  /** As `change`, and tells what was written. */
  commit<T>(cause: Cause, run: (change: Change) => T): { outcome: T; committed: CommittedChange } {
    const change = new Change({
      objects: this.objects,
      world: this.world,
      cause,
      nowMs: this.nowMs,
      receiversOf: (type) => this.receiver?.receiversOf(type) ?? 0,
    });
    let outcome: T;
    let committed: CommittedChange;
    try {
      outcome = run(change);
      committed = change.finished(this.#ledger.length);
      this.#commit(committed);
    } catch (error) {
      change.takeBack();
      throw error;
    }
    for (const observe of this.#observers) observe(committed);
    this.receiver?.receive(change.events);
    return { outcome, committed };
  }

  /** Tells of every change from now on, once it is committed. Gives what ends that. */
  observe(observer: (committed: CommittedChange) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  pruneKeys(): number {
    this.#append({ type: "keys_pruned" });
    return this.keys.prune();
  }

  /** Forgets everything, in the state file too. */
  reset(): void {
    for (const collection of Object.values(this.objects)) collection.clear();
    this.#ledger = [];
    this.requests.clear();
    this.keys = new IdempotencyKeys();
    this.#aheadMs = 0;
    Object.assign(this.world, initialWorld());
    this.#file?.truncate();
  }

  /** After the end nothing may be changed any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.#file?.close();
  }

  #commit(change: CommittedChange): void {
    if (change.objects.length === 0 && change.ledger.length === 0 && change.result === undefined) return;
    this.#append({ type: "change", change });
    for (const entry of change.ledger) this.#ledger.push(entry);
    if (change.result !== undefined) this.keys.store(change.result);
  }

  #append(line: StateLine): void {
    this.#file?.append(line);
  }

  #restore(): void {
    const requests: RequestRecord[] = [];
    // Only this class writes the file, and damage has been refused by the reader.
    for (const line of (this.#file?.read() ?? []) as Iterable<StateLine>) {
      if (line.type === "request") requests.push(line.request);
      else if (line.type === "keys_pruned") this.keys.prune();
      else if (line.type === "clock_moved") this.#aheadMs = line.aheadMs;
      else this.#restoreChange(line.change);
    }
    this.requests.restore(requests);
  }

  #restoreChange(change: CommittedChange): void {
    for (const object of change.objects) collectionOf(this.objects, object).put(object);
    for (const { id, object } of change.removed ?? []) this.objects[object].remove(id);
    for (const entry of change.ledger) this.#ledger.push(entry);
    if (change.result !== undefined) this.keys.store(change.result);
  }
}
