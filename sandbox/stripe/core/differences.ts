/**
 * What an object was before it changed: of each changed property its former value, of a changed map only the changed
 * entries, of a changed list the whole list. A property that was not there before is null. This is the form of an event's
 * `previous_attributes`.
 */
export function differences(before: object, after: object): Record<string, unknown> {
  const former = before as Readonly<Record<string, unknown>>;
  const present = after as Readonly<Record<string, unknown>>;
  const previous: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(former), ...Object.keys(present)])) {
    const [was, is] = [former[name] ?? null, present[name] ?? null];
    if (was === is) continue;
    if (isMap(was) && isMap(is)) {
      const inside = differences(was, is);
      if (Object.keys(inside).length > 0) previous[name] = inside;
    } else if (JSON.stringify(was) !== JSON.stringify(is)) previous[name] = was;
  }
  return previous;
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
