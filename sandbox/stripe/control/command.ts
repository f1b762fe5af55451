import { z } from "zod";

/** One command: its argument is checked, then it runs to its end, or gives a promise of it. */
export interface Command {
  readonly run: (argument: unknown) => unknown;
}

export const id = z.string().min(1);
export const nothing = z.strictObject({});

/** A command that throws an Error in a sentence for an argument that does not fit. */
export function command<Schema extends z.ZodType>(
  schema: Schema,
  run: (argument: z.output<Schema>) => unknown,
): Command {
  return {
    run: (argument) => {
      const read = schema.safeParse(argument);
      if (!read.success) throw new Error(z.prettifyError(read.error));
      return run(read.data);
    },
  };
}
