import type { z } from "zod";
import { type CustomerPut, customerPutSchema, type ProductPut, productPutSchema } from "../contract/cataloging.ts";
import { fieldLengthMax, firstIssueOf } from "../contract/first-issue.ts";
import { operationRequestSchema } from "../contract/operation.ts";
import { listButtons } from "../execution/list-buttons.ts";
import { type PreviewDeps, previewOperation } from "../execution/preview-operation.ts";
import { type PutAnswer, putCustomer, putProduct } from "../store/put-catalog.ts";
import type { ApiParts } from "./api-parts.ts";

/** What the API has others do, done by the rules and the store. A preview needs no id: nothing is requested by it. */
export function createApiParts(deps: PreviewDeps): ApiParts {
  return {
    async preview(body) {
      const request = operationRequestSchema.safeParse({ id: "preview", ...body });
      if (!request.success) return invalid(request.error);
      const previewed = await previewOperation(deps, request.data);
      // What Stripe answers and nobody understands is nothing that a plan could be made of, now or soon.
      return previewed.type === "plan" ? { answer: "plan", body: previewed.plan } : { answer: "stripe_unavailable" };
    },
    async buttons(contractId, actor) {
      const { type, buttons } = await listButtons(deps, contractId, actor);
      if (type === "missing") return { answer: "contract_not_found" };
      return { answer: "buttons", body: { contractId, isDeleted: type === "deleted", buttons } };
    },
    putProduct: (id, body) => put<ProductPut>(id, body, productPutSchema, (product) => putProduct(deps.db, product)),
    putCustomer: (id, body) => put<CustomerPut>(id, body, customerPutSchema, (who) => putCustomer(deps.db, who)),
  };
}

async function put<Entry>(
  id: string,
  body: Readonly<Record<string, unknown>>,
  schema: z.ZodType<Entry>,
  store: (entry: Entry) => Promise<PutAnswer>,
): Promise<PutAnswer> {
  if (body.id !== undefined && body.id !== id) {
    return { answer: "invalid_request", field: "id", problem: "must be the id of the path, or be left out" };
  }
  const entry = schema.safeParse({ ...body, id });
  return entry.success ? store(entry.data) : invalid(entry.error);
}

function invalid(error: z.ZodError) {
  const { path, problem } = firstIssueOf(error);
  return { answer: "invalid_request", field: path.join(".").slice(0, fieldLengthMax) || "body", problem } as const;
}
