import type { Change } from "../core/change.ts";
import { collectionOf } from "../core/collections.ts";
import type { ObjectKind, StoredObjects } from "../core/stored.ts";

/** Stores an object whose id must be new: a seed never replaces what is there. */
export function putNew<T extends StoredObjects[ObjectKind]>(change: Change, object: T): T {
  if (collectionOf(change.objects, object).get(object.id) !== undefined) {
    throw new Error(`There is a ${object.object} ${object.id} already`);
  }
  return change.put(object);
}

/** What follows the prefix of an id: `sub_a` → `a`. */
export function tailOf(id: string): string {
  return id.slice(id.indexOf("_") + 1);
}

/** The object of this id, or an error that says what a seed lacks. */
export function existing<T>(collection: { get(id: string): T | undefined }, noun: string, id: string): T {
  const object = collection.get(id);
  if (object === undefined) throw new Error(`There is no ${noun} ${id}`);
  return object;
}
