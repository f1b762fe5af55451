import { AsyncLocalStorage } from "node:async_hooks";
import type { Logger } from "pino";
import type { FailpointConfig } from "./config.ts";
import { isFailpointName } from "./failpoint-names.ts";

/** The named boundaries of a process's work, where a test has it fail. */
export interface Failpoints {
  /** Passes the boundary of this name. Throws for one that `failpoint-names.ts` lacks. */
  pass(name: string): Promise<void> | void;
  /** Does the work on an operation: what it passes counts as that operation's. The log says when the work is over. */
  during<T>(operationId: string | undefined, work: () => Promise<T>): Promise<T>;
}

/** Thrown at a failpoint that is set to `throw`. */
export class FailpointError extends Error {
  constructor(name: string) {
    super(`failpoint ${name}`);
    this.name = "FailpointError";
  }
}

/**
 * Makes the failpoints that a test has set for this process; undefined when it has set none, as in production: then nobody
 * calls any. At the nth passing of a name, by one operation where the setting names it, the process is killed as by `kill -9`,
 * an error is thrown, or whatever passes stops there, and the log says so: for ever, or until the process is sent SIGCONT,
 * as one that slept. `*` matches every name.
 */
export function createFailpoints(settings: readonly FailpointConfig[], log: Logger): Failpoints | undefined {
  if (settings.length === 0) return undefined;
  const counters = settings.map((setting) => ({ setting, passed: 0 }));
  const operations = new AsyncLocalStorage<string | undefined>();
  const untilContinued = settings.some(({ action }) => action === "pause") ? continued() : undefined;
  return {
    async pass(name) {
      if (!isFailpointName(name)) throw new Error(`there is no failpoint ${name}: enter it in failpoint-names.ts`);
      const at = operations.getStore();
      const passing = counters.filter(
        ({ setting: { name: wanted, operationId } }) =>
          (wanted === "*" || wanted === name) && (operationId === null || operationId === at),
      );
      for (const counter of passing) counter.passed += 1;
      const due = passing.find(({ setting, passed }) => passed === setting.nth);
      if (due !== undefined) await fail(due.setting, name, log, untilContinued);
    },
    async during(operationId, work) {
      try {
        return await operations.run(operationId, work);
      } finally {
        log.info({ operationId }, "work on an operation is over, failpoints and all");
      }
    },
  };
}

/** Resolves once the process is sent SIGCONT. */
function continued(): Promise<void> {
  return new Promise((resolve) => void process.once("SIGCONT", () => resolve()));
}

async function fail(
  { nth, action, operationId }: FailpointConfig,
  name: string,
  log: Logger,
  untilContinued: Promise<void> | undefined,
): Promise<void> {
  const place = { failpoint: `${name}:${nth}`, ...(operationId === null ? {} : { operationId }) };
  switch (action) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return await new Promise(() => undefined);
    case "throw":
      throw new FailpointError(name);
    case "hang":
      log.info(place, "hangs at a failpoint");
      return await new Promise(() => undefined);
    case "pause":
      log.info(place, "pauses at a failpoint");
      return await untilContinued;
  }
}
