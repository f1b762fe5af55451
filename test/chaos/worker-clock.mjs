import { openSync, readSync } from "node:fs";

/*
 * Preloaded with `--import` into each worker of a chaos run: its wall clock is the machine's, and as many milliseconds ahead as the
 * file CHAOS_CLOCK says at the moment of asking. So it can be skewed, and leap, while the process works or is stopped: one that
 * wakes up reads the new time with its first look.
 */
const machine = globalThis.Date;
const file = openSync(process.env.CHAOS_CLOCK ?? "/dev/null", "r");
const eightBytes = Buffer.alloc(8);

function now() {
  const aheadMs = readSync(file, eightBytes, 0, 8, 0) === 8 ? eightBytes.readDoubleLE(0) : 0;
  return machine.now() + aheadMs;
}

globalThis.Date = class WorkerDate extends machine {
  constructor(...given) {
    super(...(given.length === 0 ? [now()] : given));
  }
  static now() {
    return now();
  }
};
