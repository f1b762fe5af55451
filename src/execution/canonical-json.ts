/**
 * JSON with the keys of every object in the order of their UTF-16 code units, however deep: equal values are equal text,
 * also after a way through a `jsonb` column, which keeps no order of keys. Lists stay in their order.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
