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
 * Makes the failpoint that a test has set for this process: at the nth passing of the name, the process is killed as by
 * `kill -9`, an error is thrown, or it hangs for ever. `*` matches every name.
 */
export function createFailpoint(setting: FailpointConfig | undefined): Failpoint {
  if (setting === undefined) return () => undefined;
  let passed = 0;
  return async (name) => {
    if (setting.name !== "*" && setting.name !== name) return;
    passed += 1;
    if (passed !== setting.nth) return;
    switch (setting.action) {
      case "kill":
        process.kill(process.pid, "SIGKILL");
        return await new Promise(() => undefined);
      case "throw":
        throw new FailpointError(name);
      case "hang":
        return await new Promise(() => undefined);
    }
  };
}
