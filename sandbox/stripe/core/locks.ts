/** How long a request waits for an object that another one is at work on. Stripe says only that it does not wait long. */
export const LOCK_WAIT_MS = 2000;

export type LockEnd = "taken" | "timed_out" | "stopped";

/**
 * The objects that somebody is at work on. A request that changes objects takes their locks, all of them or none, and waits
 * for those that are taken. Executions never overlap, so only a request that is held while it works, or a process of
 * Stripe's own, makes others wait.
 */
export class Locks {
  waitMs = LOCK_WAIT_MS;
  readonly #taken = new Set<string>();
  readonly #waiting = new Set<(end: "freed" | "stopped") => void>();
  #isStopped = false;

  async take(ids: readonly string[]): Promise<LockEnd> {
    const deadline = performance.now() + this.waitMs;
    while (ids.some((id) => this.#taken.has(id))) {
      const end = await this.#untilFreed(deadline - performance.now());
      if (end !== "freed") return end;
    }
    for (const id of ids) this.#taken.add(id);
    return "taken";
  }

  free(ids: readonly string[]): void {
    for (const id of ids) this.#taken.delete(id);
    this.#endWaits("freed");
  }

  /** Frees everything, as a new beginning does. */
  reset(): void {
    this.waitMs = LOCK_WAIT_MS;
    this.free([...this.#taken]);
  }

  /** Ends every wait for good. */
  stop(): void {
    this.#isStopped = true;
    this.#endWaits("stopped");
  }

  #untilFreed(ms: number): Promise<"freed" | "timed_out" | "stopped"> {
    if (this.#isStopped) return Promise.resolve("stopped");
    return new Promise((resolve) => {
      const end = (how: "freed" | "timed_out" | "stopped") => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve(how);
      };
      const timer = setTimeout(end, Math.max(0, ms), "timed_out");
      this.#waiting.add(end);
    });
  }

  #endWaits(how: "freed" | "stopped"): void {
    for (const end of this.#waiting) end(how);
  }
}
