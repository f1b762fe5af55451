/** The first filter that was given: list them from the narrowest to the widest. */
export function narrowestIndex(
  filters: Readonly<Record<string, string | undefined>>,
): { name: string; key: string } | undefined {
  for (const [name, key] of Object.entries(filters)) if (key !== undefined) return { name, key };
  return undefined;
}
