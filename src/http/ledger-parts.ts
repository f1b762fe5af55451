import type { z } from "zod";
import { customerPutSchema, productPutSchema } from "../contract/cataloging.ts";
import { fieldLengthMax, firstIssueOf } from "../contract/first-issue.ts";
import { operationRequestSchema } from "../contract/operation.ts";
import { listButtons } from "../execution/list-buttons.ts";
import { type PreviewDeps, previewOperation } from "../execution/preview-operation.ts";
import { putCustomer, putProduct } from "../store/put-catalog.ts";
import { StoreError } from "../store/store-error.ts";
import type { ApiParts, PutAnswer } from "./api-parts.ts";

/** The parts of the API over the ledger, the catalog, and Stripe as it stands now. */
export function ledgerParts(deps: PreviewDeps): ApiParts {
  return {
    async preview(request) {
      const parsed = operationRequestSchema.safeParse(request);
      if (!parsed.success) return { answer: "invalid_request", ...faultIn(parsed.error) };
      const previewed = await previewOperation(deps, parsed.data);
      switch (previewed.type) {
        case "plan":
          return { answer: "plan", body: previewed.plan };
        case "not_now":
          return { answer: "stripe_unavailable" };
        case "unexplained":
          return { answer: "unexplained", code: previewed.code };
      }
    },
    async buttons(contractId, actor) {
      const found = await listButtons(deps, contractId, actor);
      if (found.type === "missing") return { answer: "contract_not_found" };
      return { answer: "buttons", body: { contractId, ...found } };
    },
    putProduct: (id, body) => put(productPutSchema, id, body, (product) => putProduct(deps.db, product)),
    putCustomer: (id, body) => put(customerPutSchema, id, body, (customer) => putCustomer(deps.db, customer)),
  };
}

/** Puts an entry of the catalog under the id of its path, which the body may repeat. */
async function put<Entry>(
  schema: z.ZodType<Entry>,
  id: string,
  body: Readonly<Record<string, unknown>>,
  store: (entry: Entry) => Promise<PutAnswer>,
): Promise<PutAnswer> {
  if (body.id !== undefined && body.id !== id) {
    return { answer: "invalid_request", field: "id", problem: "must be the id of the path, or left out" };
  }
  const parsed = schema.safeParse({ ...body, id });
  if (!parsed.success) return { answer: "invalid_request", ...faultIn(parsed.error) };
  try {
    return await store(parsed.data);
  } catch (error) {
    // SQLSTATE class 22: PostgreSQL will not take this content at any time.
    if (!(error instanceof StoreError) || error.fault !== "refused" || !error.code.startsWith("22")) throw error;
    return { answer: "invalid_request", field: "request", problem: `cannot be stored (${error.code})` };
  }
}

function faultIn(error: z.ZodError): { readonly field: string; readonly problem: string } {
  const { path, problem } = firstIssueOf(error);
  return { field: path.join(".").slice(0, fieldLengthMax) || "request", problem };
}
