import type { z } from "zod";
import { fieldLengthMax, firstIssueOf } from "../contract/first-issue.ts";

/** What is wrong with a value: the path of the field, and the problem in words. */
export interface Fault {
  readonly field: string;
  readonly problem: string;
}

/** The first field of a value that its schema refuses, or undefined. Values are never quoted. */
export function findFault(schema: z.ZodType, value: unknown, name: string): Fault | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return undefined;
  const { path, problem } = firstIssueOf(parsed.error);
  const field = [...(name === "" ? [] : [name]), ...path].join(".").slice(0, fieldLengthMax);
  return { field: field === "" ? "the line" : field, problem };
}
