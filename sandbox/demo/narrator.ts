import { type Output, paint, writeLine } from "../../src/cli/output.ts";

/** Tells what has been done, a line each, with the time that it took. */
export interface Narrator {
  readonly out: Output;
  /** Does a work and then says what its result gives to say. */
  tell<T>(work: () => Promise<T>, words: (result: T) => string): Promise<T>;
  /** A remark between two lines. */
  remark(sentence: string): void;
}

export function createNarrator(out: Output): Narrator {
  return {
    out,
    async tell(work, words) {
      const beganMs = performance.now();
      const result = await work();
      const took = `${((performance.now() - beganMs) / 1_000).toFixed(1)} s`;
      writeLine(out, `${paint(out, "green", "✔")} ${words(result)}  ${paint(out, "dim", took)}`);
      return result;
    },
    remark(sentence) {
      writeLine(out, `  ${paint(out, "dim", sentence)}`);
    },
  };
}
