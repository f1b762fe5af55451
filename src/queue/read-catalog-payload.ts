import type { z } from "zod";
import { fieldLengthMax, firstIssueOf } from "../contract/first-issue.ts";
import { idPattern } from "../contract/operation.ts";
import type { Unreadable } from "../store/unreadable.ts";
import { type CatalogPut, catalogJobs, catalogPayloadSchemas } from "./payloads.ts";
import { findUnreadable, idOf, unreadable } from "./read-payload.ts";

/** What a job of the queue `catalog` carried: something to put, or something that nobody can put. */
export type ReadCatalogPayload =
  | { readonly type: "put"; readonly put: CatalogPut }
  | { readonly type: "unreadable"; readonly unreadable: Unreadable };

/** Reads a job of the queue `catalog` that anybody may have written. A fault is named by its field in the entry. */
export function readCatalogPayload(name: string, data: unknown): ReadCatalogPayload {
  const job = Object.values(catalogJobs).find((known) => known === name);
  if (job === undefined) {
    return refuse(data, "job name", `must be one of ${Object.values(catalogJobs).join(", ")}`);
  }
  const fault = findUnreadable(data, job);
  if (fault !== undefined) return refuse(data, fault.field, fault.problem);
  if (job === "product") {
    const parsed = catalogPayloadSchemas.product.safeParse(data);
    return parsed.success
      ? { type: "put", put: { type: "product", product: parsed.data.product } }
      : refuseIssue(data, job, parsed.error);
  }
  const parsed = catalogPayloadSchemas.customer.safeParse(data);
  return parsed.success
    ? { type: "put", put: { type: "customer", customer: parsed.data.customer } }
    : refuseIssue(data, job, parsed.error);
}

/** What is written down of a put that is refused: of a customer's values, and of whatever is no put, only the shape. */
export function refusedPut(data: unknown, field: string, problem: string): Unreadable {
  const entry = entryOf(data);
  return unreadable(data, field, problem, { requestId: idOf(entry), shown: shapeOf(data) });
}

function refuse(data: unknown, field: string, problem: string): ReadCatalogPayload {
  return { type: "unreadable", unreadable: refusedPut(data, field, problem) };
}

function refuseIssue(data: unknown, job: string, error: z.ZodError): ReadCatalogPayload {
  const { path, problem } = firstIssueOf(error);
  // A key that nobody knows may be a mail address.
  const field = (path[0] === job ? path.slice(1) : path).filter(isPlain).join(".").slice(0, fieldLengthMax);
  return refuse(data, field === "" ? job : field, problem);
}

function entryOf(data: unknown): unknown {
  if (typeof data !== "object" || data === null) return undefined;
  return "product" in data ? data.product : "customer" in data ? data.customer : undefined;
}

/** Whether a text has the form of our ids and words: a mail address has not. */
function isPlain(text: string): boolean {
  return idPattern.test(text);
}

/** Fields whose values say nothing about a person. */
const shownFields = ["id", "kind", "access", "priceMinor", "automaticTerminationMonth", "locale", "version", "v"];

/** The data with every other value replaced by its type: who sent it can find it, and no name or mail is kept. */
function shapeOf(value: unknown, key = "", levels = 4): unknown {
  if (typeof value === "object" && value !== null) {
    if (levels === 0 || Array.isArray(value)) return Array.isArray(value) ? "(array)" : "(object)";
    return Object.fromEntries(
      Object.entries(value).map(([name, child]) => [isPlain(name) ? name : "(key)", shapeOf(child, name, levels - 1)]),
    );
  }
  const isShown = shownFields.includes(key) && (typeof value !== "string" || isPlain(value));
  return isShown || value === null ? value : `(${typeof value})`;
}
