import type { OperationRequest } from "../../src/contract/operation.ts";

/** Somebody who carries out operations from a queue, or without one. */
export interface Entrant {
  readonly name: string;
  /** Puts the requests where they wait for it, and gives what carries them out. */
  enqueue(requests: readonly OperationRequest[]): Promise<Waiting>;
}

/** Requests that wait. */
export interface Waiting {
  /** Carries all of them out, from opening the worker to the last one's end, and answers the seconds that it took. */
  readonly drain: () => Promise<number>;
  /** Lets go of everything, and leaves nothing behind for the next round. */
  close(): Promise<void>;
}

/** Seconds from the call of `begin` until `done` was called so many times; what `failed` is told is thrown. */
export async function untilCounted(
  count: number,
  begin: (done: () => void, failed: (error: unknown) => void) => unknown,
): Promise<number> {
  const beganMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    let counted = 0;
    const done = () => {
      counted += 1;
      if (counted === count) resolve();
    };
    Promise.resolve(begin(done, reject)).catch(reject);
  });
  return (performance.now() - beganMs) / 1_000;
}
