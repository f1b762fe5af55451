/** A number as people write it: `1,000`. */
export function showCount(count: number): string {
  return count.toLocaleString("en");
}
