import type { z } from "zod";

/** What is wrong with a value: the path of the field, and the problem in words. */
export interface Fault {
  readonly field: string;
  readonly problem: string;
}

/** The first field of a value that its schema refuses, or undefined. Values are never quoted. */
export function findFault(schema: z.ZodType, value: unknown, name: string): Fault | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return undefined;
  const issue = parsed.error.issues[0];
  const isUnknownKey = issue?.code === "unrecognized_keys";
  const path = isUnknownKey ? [...issue.path, issue.keys[0] ?? ""] : (issue?.path ?? []);
  // Keys may be of anybody's choosing: cut, so that the sentence stays one.
  const field = [...(name === "" ? [] : [name]), ...path.map(String)].join(".").slice(0, 120);
  const problem = isUnknownKey ? "is not a field that is known here" : (issue?.message ?? "is invalid");
  return { field: field === "" ? "the line" : field, problem };
}
