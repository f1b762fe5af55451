import type { Call } from "./call.ts";
import type { Fault } from "./fault-rule.ts";

interface ActiveRule {
  readonly fault: Fault;
  readonly pattern: RegExp;
  skip: number;
  times: number;
}

/** A rule that has not met all its requests yet. */
export interface PendingFault {
  readonly mode: Fault["mode"];
  readonly path: string;
  readonly skipsLeft: number;
  readonly timesLeft: number;
}

/**
 * The faults to come. A request meets at most one: that of the oldest rule that matches it and is not used up. Rules live
 * in memory only and end with the process.
 */
export class Faults {
  #rules: ActiveRule[] = [];

  add(fault: Fault): void {
    this.#rules.push({ fault, pattern: patternOf(fault.path), skip: fault.skip, times: fault.times });
  }

  /** The fault for this request, counted as used. */
  take({ method, path, parameters }: Pick<Call, "method" | "path" | "parameters">): Fault | undefined {
    if (this.#rules.length === 0) return undefined;
    for (const rule of this.#rules) {
      const { method: wanted = method, about = "" } = rule.fault;
      const isMet = wanted === method && rule.pattern.test(path) && `${path}?${parameters}`.includes(about);
      if (!isMet) continue;
      if (rule.skip > 0) {
        rule.skip -= 1;
        continue;
      }
      rule.times -= 1;
      this.#rules = this.#rules.filter(({ times }) => times > 0);
      return rule.fault;
    }
    return undefined;
  }

  pending(): PendingFault[] {
    return this.#rules.map(({ fault, skip, times }) => ({
      mode: fault.mode,
      path: fault.path,
      skipsLeft: skip,
      timesLeft: times,
    }));
  }

  clear(): void {
    this.#rules = [];
  }
}

function patternOf(path: string): RegExp {
  const escaped = path.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("**", "\u0000").replaceAll("*", "[^/]+").replaceAll("\u0000", ".*")}$`);
}
