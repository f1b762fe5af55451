import { type Cause, Change, type CommittedChange } from "./change.ts";
import { type Collections, collectionOf, emptyCollections } from "./collections.ts";
import { IdempotencyKeys } from "./idempotency-keys.ts";
import type { LedgerEntry } from "./ledger.ts";
import { RequestLog, type RequestRecord } from "./request-log.ts";
import { StateFile } from "./state-file.ts";

/** One line of the state file. A change is one line, so it is there as a whole or not at all. */
export type StateLine =
  | { readonly type: "change"; readonly change: CommittedChange }
  | { readonly type: "request"; readonly request: RequestRecord }
  | { readonly type: "keys_pruned" };

/** All that the stand-in remembers. Everything but running requests survives a restart when there is a state file. */
export class State {
  readonly objects: Collections = emptyCollections();
  readonly requests: RequestLog;
  keys = new IdempotencyKeys();
  readonly #nowMs: () => number;
  readonly #file: StateFile | undefined;
  #ledger: LedgerEntry[] = [];

  constructor(nowMs: () => number, stateFile: string | undefined) {
    this.#nowMs = nowMs;
    this.#file = stateFile === undefined ? undefined : new StateFile(stateFile);
    this.requests = new RequestLog((request) => this.#append({ type: "request", request }));
    this.#restore();
  }

  get nowMs(): number {
    return this.#nowMs();
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
    const change = new Change(this.objects, cause, this.nowMs);
    try {
      const outcome = run(change);
      this.#commit(change.finished(this.#ledger.length));
      return outcome;
    } catch (error) {
      change.takeBack();
      throw error;
    }
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
    this.#file?.truncate();
  }

  close(): void {
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
      else this.#restoreChange(line.change);
    }
    this.requests.restore(requests);
  }

  #restoreChange(change: CommittedChange): void {
    for (const object of change.objects) collectionOf(this.objects, object).put(object);
    for (const entry of change.ledger) this.#ledger.push(entry);
    if (change.result !== undefined) this.keys.store(change.result);
  }
}
