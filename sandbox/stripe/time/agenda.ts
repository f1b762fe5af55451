interface Entry {
  readonly at: number;
  readonly id: string;
}

/** What is due when, earliest first; of things due at one moment, the one that was entered first. */
export class Agenda {
  /** Latest first, so that taking is cheap. */
  readonly #entries: Entry[] = [];

  add(at: number, id: string): void {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && entry.at > at) low = middle + 1;
      else high = middle;
    }
    this.#entries.splice(low, 0, { at, id });
  }

  /** The earliest entry that is due by a moment, taken out. */
  takeUntil(moment: number): Entry | undefined {
    const earliest = this.#entries.at(-1);
    return earliest !== undefined && earliest.at <= moment ? this.#entries.pop() : undefined;
  }
}
