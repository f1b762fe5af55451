import type { Logger } from "pino";
import type { FailpointConfig } from "./config.ts";

/** A named boundary of execution. In production and without a setting, nothing happens there. */
export type Failpoint = (name: string) => Promise<void> | void;

/** Thrown at a failpoint that is set to `throw`. */
export class FailpointError extends Error {
  constructor(name: string) {
    super(`failpoint ${name}`);
    this.name = "FailpointError";
  }
}

/**
 * Makes the failpoints that a test has set for this process: at the nth passing of a name, the process is killed as by
 * `kill -9`, an error is thrown, or whatever passes hangs there for ever, and the log says so. `*` matches every name.
 */
export function createFailpoint(settings: readonly FailpointConfig[], log: Logger): Failpoint {
  if (settings.length === 0) return () => undefined;
  const counters = settings.map((setting) => ({ setting, passed: 0 }));
  return async (name) => {
    const passing = counters.filter(({ setting }) => setting.name === "*" || setting.name === name);
    for (const counter of passing) counter.passed += 1;
    const due = passing.find(({ setting, passed }) => passed === setting.nth);
    if (due !== undefined) await fail(due.setting, name, log);
  };
}

async function fail({ nth, action }: FailpointConfig, name: string, log: Logger): Promise<never> {
  switch (action) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return await new Promise(() => undefined);
    case "throw":
      throw new FailpointError(name);
    case "hang":
      log.info({ failpoint: `${name}:${nth}` }, "hangs at a failpoint");
      return await new Promise(() => undefined);
  }
}
