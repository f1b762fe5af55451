import type { z } from "zod";

/** What is wrong with a value: where, and what. Values are never quoted. */
export interface FirstIssue {
  /** The way to the field, from the value on; empty for the value itself. A key that nobody knows is at its end. */
  readonly path: readonly string[];
  readonly problem: string;
}

/** The longest way to a field that is told: keys may be of anybody's choosing, and a refusal has to stay a sentence. */
export const fieldLengthMax = 120;

/** The first thing that a schema has found wrong with a value. */
export function firstIssueOf({ issues: [issue] }: z.ZodError): FirstIssue {
  if (issue?.code === "unrecognized_keys") {
    return { path: [...issue.path, issue.keys[0] ?? ""].map(String), problem: "is not a field that is known here" };
  }
  return { path: (issue?.path ?? []).map(String), problem: issue?.message ?? "is invalid" };
}
