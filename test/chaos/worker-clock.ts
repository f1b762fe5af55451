import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The wall clock of one worker process, which can be set ahead of the machine's while it runs. */
export interface WorkerClock {
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds ahead of the machine's; negative for behind. */
  readonly aheadMs: number;
  set(aheadMs: number): void;
  close(): void;
}

const preload = pathToFileURL(join(import.meta.dirname, "worker-clock.mjs")).href;

/** Makes a clock that goes right; the file is where the process reads it. */
export function createWorkerClock(file: string): WorkerClock {
  const descriptor = openSync(file, "w");
  const eightBytes = Buffer.alloc(8);
  let aheadMs = 0;
  const set = (ms: number) => {
    aheadMs = ms;
    eightBytes.writeDoubleLE(ms);
    // Eight bytes at once: whoever reads meanwhile reads the old or the new.
    writeSync(descriptor, eightBytes, 0, 8, 0);
  };
  set(0);
  return {
    env: { CHAOS_CLOCK: file, NODE_OPTIONS: `--import ${preload}` },
    get aheadMs() {
      return aheadMs;
    },
    set,
    close: () => closeSync(descriptor),
  };
}
