export type HoldEnd = "elapsed" | "released" | "stopped";

/** Requests that are made to wait, each until its time is over, all are released, or the stand-in stops. */
export class Holds {
  readonly #waiting = new Set<(end: HoldEnd) => void>();
  #stopped = false;

  wait(ms: number): Promise<HoldEnd> {
    if (this.#stopped) return Promise.resolve("stopped");
    return new Promise((resolve) => {
      const end = (how: HoldEnd) => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve(how);
      };
      const timer = setTimeout(end, ms, "elapsed");
      this.#waiting.add(end);
    });
  }

  /** Lets every waiting request go on, and returns how many there were. */
  releaseAll(): number {
    return this.#endAll("released");
  }

  /** Ends every wait for good; a request that was held before its execution is not executed. */
  stop(): void {
    this.#stopped = true;
    this.#endAll("stopped");
  }

  #endAll(how: HoldEnd): number {
    const waiting = [...this.#waiting];
    for (const end of waiting) end(how);
    return waiting.length;
  }
}
