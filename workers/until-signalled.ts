import type { Logger } from "pino";
import { systemClock } from "../src/clock.ts";

/** Workers at work in this process. */
export interface RunningWorkers {
  /** Settles once everything has stopped, with the exit code. */
  readonly stopped: Promise<number>;
  /** What the line that says "ready" tells: the ports on which this process listens, and what each role has to say. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** Stops gracefully; the same as SIGTERM. */
  stop(): Promise<number>;
}

/** Has the process stop gracefully on a signal, and tells how to wait for that or to bring it about. */
export function untilSignalled({
  log,
  stopping,
  undoAll,
  facts,
}: {
  log: Logger;
  stopping: AbortController;
  undoAll: () => Promise<void>;
  facts: RunningWorkers["facts"];
}): RunningWorkers {
  let stop: (() => Promise<number>) | undefined;
  const stopped = new Promise<number>((resolve) => {
    let begun: Promise<number> | undefined;
    stop = () => {
      begun ??= (async () => {
        stopping.abort();
        await undoAll();
        for (const signal of signals) process.off(signal, onSignal);
        process.off("uncaughtException", onCrash);
        resolve(0);
        return 0;
      })();
      return begun;
    };
    let signalledMs = Number.NEGATIVE_INFINITY;
    const onSignal = (signal: NodeJS.Signals) => {
      const sinceMs = systemClock.monotonicMs() - signalledMs;
      if (begun !== undefined && sinceMs < oneSignalMs) return;
      if (begun !== undefined) process.exit(signal === "SIGINT" ? 130 : 143);
      signalledMs = systemClock.monotonicMs();
      log.info({ signal }, "stopping");
      stop?.().catch(() => process.exit(1));
    };
    const onCrash = (error: unknown) => {
      log.fatal({ err: error }, "an error that nobody caught ends this process");
      process.exit(1);
    };
    for (const signal of signals) process.on(signal, onSignal);
    process.on("uncaughtException", onCrash);
  });
  return { stopped, facts, stop: () => stop?.() ?? stopped };
}

const signals = ["SIGTERM", "SIGINT"] as const;

/** A terminal sends Ctrl-C to npm and to us, and npm passes its own on: within this time that is one signal. */
const oneSignalMs = 500;
