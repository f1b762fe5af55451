import type { z } from "zod";
import { customerPutSchema, productPutSchema } from "../contract/cataloging.ts";
import { type PutAnswer, putCustomer, putProduct } from "../store/put-catalog.ts";
import { untilAnswered } from "./ask-ledger.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { findFault } from "./find-fault.ts";
import { writeJson, writeLine } from "./output.ts";

export interface ProductPutOptions {
  readonly product: z.input<typeof productPutSchema>;
  readonly json?: boolean;
}

export interface CustomerPutOptions {
  readonly customer: z.input<typeof customerPutSchema>;
  readonly json?: boolean;
}

/** Puts a product into the catalog. A late or repeated version is ignored, which is no failure. */
export async function productPut(context: CommandContext, options: ProductPutOptions): Promise<ExitCode> {
  const product = checked(productPutSchema, options.product);
  const answer = await untilAnswered(context, () => putProduct(context.db, product));
  return report(context, { what: "product", entry: product, answer, json: options.json === true });
}

/** Puts a customer into the catalog, as {@link productPut} does a product. */
export async function customerPut(context: CommandContext, options: CustomerPutOptions): Promise<ExitCode> {
  const customer = checked(customerPutSchema, options.customer);
  const answer = await untilAnswered(context, () => putCustomer(context.db, customer));
  return report(context, { what: "customer", entry: customer, answer, json: options.json === true });
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fault = findFault(schema, value, "");
  throw new CommandFailure(exitCodes.wrongUsage, {
    code: "invalid_request",
    sentence: `${fault?.field ?? "The entry"}: ${fault?.problem ?? "is invalid"}.`,
    remedy: "Nothing was written. Correct it and run the command again.",
  });
}

interface Reported {
  readonly what: "product" | "customer";
  readonly entry: { readonly id: string; readonly version: number };
  readonly answer: PutAnswer;
  readonly json: boolean;
}

function report({ out }: CommandContext, { what, entry, answer, json }: Reported): ExitCode {
  if (answer.answer === "invalid_request") {
    throw new CommandFailure(exitCodes.failed, {
      code: "invalid_request",
      sentence: `${answer.field} ${answer.problem}.`,
      remedy: "Nothing was written.",
    });
  }
  if (json) writeJson(out, { id: entry.id, ...answer });
  else writeLine(out, `${what} ${entry.id} ${sentenceOf(answer, entry.version)}`);
  return exitCodes.done;
}

function sentenceOf(answer: Exclude<PutAnswer, { answer: "invalid_request" }>, version: number): string {
  switch (answer.answer) {
    case "created":
      return `was created in version ${answer.version}`;
    case "updated":
      return `was updated to version ${answer.version}`;
    case "ignored":
      return `stays as it is: version ${version} is not greater than the known version ${answer.version}`;
  }
}
