import type { StripeEvent } from "../../src/stripe/events.ts";

/** Every order of these, once: which of two of the same name comes first makes no difference. */
export function* permutations<T>(items: readonly T[], nameOf: (item: T) => string): Generator<readonly T[]> {
  if (items.length <= 1) yield items;
  else {
    const begun = new Set<string>();
    for (const [index, first] of items.entries()) {
      const name = nameOf(first);
      if (begun.has(name)) continue;
      begun.add(name);
      for (const rest of permutations(items.toSpliced(index, 1), nameOf)) yield [first, ...rest];
    }
  }
}

/** Every order of these with one of them a second time, whichever that is. */
export function* permutationsWithOneTwice<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
): Generator<readonly T[]> {
  const twice = new Map(items.map((item) => [nameOf(item), item]));
  for (const item of twice.values()) yield* permutations([...items, item], nameOf);
}

/** Numbers from 0 to below 1 that look like chance and are the same for the same seed (mulberry32). */
export function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Some order of these, each of them once. */
export function shuffled<T>(items: readonly T[], chance: () => number): readonly T[] {
  const pool = [...items];
  return items.flatMap(() => pool.splice(Math.floor(chance() * pool.length), 1));
}

/** Each of these once, and some of them once more, anywhere. */
export function withRepetitions(events: readonly StripeEvent[], chance: () => number): readonly StripeEvent[] {
  return shuffled([...events, ...events.filter(() => chance() < 0.4)], chance);
}
