/** What a collection needs to know of an object: who it is and where it stands in time. */
export type Storable = { readonly id: string } & ({ readonly created: number } | { readonly date: number });

/** When an object was created, in seconds: of an invoice item Stripe calls that its date. */
export function createdAt(object: Storable): number {
  return "created" in object ? object.created : object.date;
}

interface Row<T> {
  object: T;
  readonly created: number;
  /** Tells apart objects of one second, in the order of their creation. */
  readonly sequence: number;
}

/** Index name → the value an object is found under, or null when the object is not in that index. */
export type IndexKeys<T> = Readonly<Record<string, (object: T) => string | null>>;

/**
 * Objects by id, each also found through named indexes, always in the order of creation.
 *
 * Lists are the hot path of the stand-in: a list reads one index from its newer end and stops when its page is full, so
 * its cost does not grow with the collection. An object's `created` and the values it is indexed under never change
 * after the first `put`; a `put` that would change them throws.
 */
export class Collection<T extends Storable> {
  readonly #rows = new Map<string, Row<T>>();
  readonly #all: Row<T>[] = [];
  readonly #indexes = new Map<string, { keyOf: (object: T) => string | null; rows: Map<string, Row<T>[]> }>();
  readonly #order: "created" | "arrival";
  #sequence = 0;

  /** @param order by what "newest first" goes: `created` and then arrival, or arrival alone, whatever the objects say */
  constructor(indexKeys: IndexKeys<T>, order: "created" | "arrival" = "created") {
    this.#order = order;
    for (const [name, keyOf] of Object.entries(indexKeys)) this.#indexes.set(name, { keyOf, rows: new Map() });
  }

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): T | undefined {
    return this.#rows.get(id)?.object;
  }

  /** Stores an object under its id and returns what stood there before. */
  put(object: T): T | undefined {
    const row = this.#rows.get(object.id);
    if (row === undefined) {
      this.#insert(object);
      return undefined;
    }
    const before = row.object;
    this.#refuseMove(before, object);
    row.object = object;
    return before;
  }

  /** Takes an object out again: it was deleted, or its creation is undone. */
  remove(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    this.#all.splice(positionOf(this.#all, row), 1);
    for (const index of this.#indexes.values()) {
      const key = index.keyOf(row.object);
      const rows = key === null ? undefined : index.rows.get(key);
      rows?.splice(positionOf(rows, row), 1);
    }
  }

  clear(): void {
    this.#rows.clear();
    this.#all.length = 0;
    for (const index of this.#indexes.values()) index.rows.clear();
  }

  /** All objects, or those under one value of an index, oldest first. */
  oldestFirst(index?: string, key?: string): Iterable<T> {
    return this.#walk(this.#rowsOf(index, key), 0, 1);
  }

  /** All objects, or those under one value of an index, newest first; only those older than `before` when given. */
  newestFirst(index?: string, key?: string, before?: T): Iterable<T> {
    const rows = this.#rowsOf(index, key);
    const start = before === undefined ? rows.length : positionOf(rows, this.#rowOf(before));
    return this.#walk(rows, start - 1, -1);
  }

  /** As `newestFirst`, but the objects newer than `after`, nearest first. */
  newerThan(after: T, index?: string, key?: string): Iterable<T> {
    const rows = this.#rowsOf(index, key);
    const row = this.#rowOf(after);
    const position = positionOf(rows, row);
    return this.#walk(rows, rows[position] === row ? position + 1 : position, 1);
  }

  *#walk(rows: readonly Row<T>[], from: number, step: 1 | -1): Generator<T> {
    for (let position = from; ; position += step) {
      const row = rows[position];
      if (row === undefined) return;
      yield row.object;
    }
  }

  #rowsOf(index: string | undefined, key: string | undefined): readonly Row<T>[] {
    if (index === undefined || key === undefined) return this.#all;
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`No index "${index}"`);
    return found.rows.get(key) ?? [];
  }

  #rowOf(object: T): Row<T> {
    const row = this.#rows.get(object.id);
    if (row === undefined) throw new Error(`${object.id} is not in the collection`);
    return row;
  }

  #insert(object: T): void {
    this.#sequence += 1;
    const created = this.#order === "created" ? createdAt(object) : 0;
    const row: Row<T> = { object, created, sequence: this.#sequence };
    this.#rows.set(object.id, row);
    insertInOrder(this.#all, row);
    for (const index of this.#indexes.values()) {
      const key = index.keyOf(object);
      if (key === null) continue;
      const rows = index.rows.get(key);
      if (rows === undefined) index.rows.set(key, [row]);
      else insertInOrder(rows, row);
    }
  }

  #refuseMove(before: T, after: T): void {
    const moved = createdAt(before) !== createdAt(after) ? "created" : this.#movedIndex(before, after);
    if (moved !== undefined) throw new Error(`${after.id}: "${moved}" may not change`);
  }

  #movedIndex(before: T, after: T): string | undefined {
    for (const [name, { keyOf }] of this.#indexes) if (keyOf(before) !== keyOf(after)) return name;
    return undefined;
  }
}

function isOlder<T>(a: Row<T>, b: Row<T>): boolean {
  return a.created < b.created || (a.created === b.created && a.sequence < b.sequence);
}

/** Where the row stands, or would stand, among rows in order. */
function positionOf<T>(rows: readonly Row<T>[], row: Row<T>): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const candidate = rows[middle];
    if (candidate !== undefined && isOlder(candidate, row)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A new object is nearly always the newest; only seeded ones are put in between. */
function insertInOrder<T>(rows: Row<T>[], row: Row<T>): void {
  const last = rows.at(-1);
  if (last === undefined || isOlder(last, row)) rows.push(row);
  else rows.splice(positionOf(rows, row), 0, row);
}
