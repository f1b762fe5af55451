import { z } from "zod";
import { customerPutSchema, productPutSchema } from "../contract/cataloging.ts";
import type { Registration } from "../contract/change.ts";
import { idPattern } from "../contract/operation.ts";
import { customerSchema, productSchema, registerParams } from "../contract/registering.ts";
import { type CatalogPut, payloadVersion } from "../queue/payloads.ts";
import { readRequestPayload } from "../queue/read-payload.ts";
import { findFault } from "./find-fault.ts";

/** Why a line cannot be imported: a stable code, the field if it is one's, the problem, and what to do. */
export interface BadLine {
  readonly code: string;
  readonly field: string | null;
  readonly problem: string;
  readonly remedy: string;
}

/** What a line of an import file says. */
export type ImportLine =
  | { readonly type: "product"; readonly product: NonNullable<Registration["product"]> }
  | { readonly type: "customer"; readonly customer: NonNullable<Registration["customer"]> }
  /** A product or a customer with a version: written if it is newer than what is known. */
  | { readonly type: "put"; readonly put: CatalogPut }
  /** The parameters as they were written, so that a line always makes the same request. */
  | { readonly type: "contract"; readonly contractId: string; readonly params: Readonly<Record<string, unknown>> }
  | { readonly type: "blank" }
  | { readonly type: "bad"; readonly bad: BadLine };

/** Twice the 64 KiB that a request may have, and so room for one that is written with many blanks or escapes. */
export const lineBytesMax = 131_072;

const contractIdSchema = z.string().regex(idPattern, "must be 1 to 64 letters, digits, '.', '_' or '-'");
const types = ["product", "customer", "contract"] as const;

/** Reads one line of an import file, and checks everything about it that can be known without the database. */
export function readImportLine(bytes: Buffer | null): ImportLine {
  if (bytes === null) {
    return bad("line_too_long", null, `is longer than ${lineBytesMax / 1_024} KiB`, "Write one object on each line.");
  }
  const text = decode(bytes);
  if (text === undefined) return bad("not_utf8", null, "is not UTF-8", "Save the file as UTF-8.");
  if (text.trim() === "") return { type: "blank" };
  const value = parseObject(text);
  if (value === undefined) {
    return bad("not_json", null, "is not a JSON object", 'Write it as {"type": "contract", "contractId": …}.');
  }
  // The ledger's own bounds: 64 KiB, and no characters that PostgreSQL cannot store.
  const payload = readRequestPayload({ v: payloadVersion, request: value });
  if (payload.type === "unreadable") {
    const { field, problem } = payload.unreadable;
    return invalid(field === "request" ? null : field, problem);
  }
  return readObject(value);
}

function readObject({ type, ...rest }: Readonly<Record<string, unknown>>): ImportLine {
  switch (types.find((known) => known === type)) {
    case "product":
      return "version" in rest
        ? checked(productPutSchema, rest, (product) => ({ type: "put", put: { type: "product", product } }))
        : checked(productSchema, rest, (product) => ({ type: "product", product }));
    case "customer":
      return "version" in rest
        ? checked(customerPutSchema, rest, (customer) => ({ type: "put", put: { type: "customer", customer } }))
        : checked(customerSchema, rest, (customer) => ({ type: "customer", customer }));
    case "contract": {
      const { contractId, ...params } = rest;
      const fault = findFault(contractIdSchema, contractId, "contractId") ?? findFault(registerParams, params, "");
      if (fault !== undefined) return invalid(fault.field, fault.problem);
      return { type: "contract", contractId: contractIdSchema.parse(contractId), params };
    }
    case undefined:
      return bad("unknown_type", "type", `must be one of ${types.join(", ")}`, "Say what the line is.");
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown, toLine: (value: T) => ImportLine): ImportLine {
  const parsed = schema.safeParse(value);
  if (parsed.success) return toLine(parsed.data);
  const fault = findFault(schema, value, "");
  return invalid(fault?.field ?? null, fault?.problem ?? "is invalid");
}

/** A field that is not as it must be, or the line as a whole. */
function invalid(field: string | null, problem: string): ImportLine {
  return bad("invalid_field", field, problem, "Correct the field and import the file again.");
}

function bad(code: string, field: string | null, problem: string, remedy: string): ImportLine {
  return { type: "bad", bad: { code, field, problem, remedy } };
}

/** The text without a byte order mark; undefined for bytes that are not UTF-8, whose names would be spoilt. */
function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
