import type { Metadata } from "../core/stored.ts";

/** Whether a change of metadata changes nothing, and so is no effect. */
export function isSameMetadata(before: Metadata, after: Metadata): boolean {
  const names = Object.keys(before);
  return names.length === Object.keys(after).length && names.every((name) => before[name] === after[name]);
}
