/** What the doctor looks at, in the order in which it tells of it. */
export const checkNames = [
  "settings",
  "postgres",
  "schema",
  "queue",
  "clocks",
  "stripe",
  "jobs",
  "workers",
  "operations",
  "refunds",
  "events",
  "backfill",
  "mail",
  "dates",
  "books",
] as const;
export type CheckName = (typeof checkNames)[number];

/**
 * `well`; `warning`: it works, and somebody should look; `wrong`: it does not work, or a person has to act; `skipped`:
 * what it depends on was not reached.
 */
export type Verdict = "well" | "warning" | "wrong" | "skipped";

/** What one check has found. No secret, and nothing about a customer. */
export interface Finding {
  readonly check: CheckName;
  readonly verdict: Verdict;
  /** What is so, as a whole sentence. */
  readonly says: string;
  /** What to do about it, as a whole sentence; undefined when nothing is to be done. */
  readonly remedy?: string;
  /** The same for programs. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

type Facts = Finding["facts"];

export function well(check: CheckName, says: string, facts?: Facts): Finding {
  return { check, verdict: "well", says, ...(facts === undefined ? {} : { facts }) };
}

export function warning(check: CheckName, says: string, remedy: string, facts?: Facts): Finding {
  return { check, verdict: "warning", says, remedy, ...(facts === undefined ? {} : { facts }) };
}

export function wrong(check: CheckName, says: string, remedy: string, facts?: Facts): Finding {
  return { check, verdict: "wrong", says, remedy, ...(facts === undefined ? {} : { facts }) };
}

export function skipped(check: CheckName, says: string): Finding {
  return { check, verdict: "skipped", says };
}
