/** How often more than in `npm test` each of these properties is tried; `npm run test:fuzz` and `npm run test:model` say it. */
const times = Number(process.env.PROPERTY_TIMES ?? "1");

/** So many examples, and more where somebody asked for more. */
export function examples(count: number): number {
  return Math.round(count * times);
}

/** A test's time for them: what is tried a hundred times as often takes as much longer. */
export const examplesTimeoutMs = Math.max(30_000, 30_000 * times);

/** What never ends, ends the property. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
