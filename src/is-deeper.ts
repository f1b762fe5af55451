/** Whether a value, read from JSON, has lists and objects within each other to more than so many levels. Never looks deeper. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeper(child, levels - 1));
}
