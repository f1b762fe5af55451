import { operationRequestSchema } from "../contract/operation.ts";
import { listButtons } from "../execution/list-buttons.ts";
import { type PreviewDeps, previewOperation } from "../execution/preview-operation.ts";
import type { ApiParts } from "./api-parts.ts";

/** The parts of the API that ask the rules, with what the ledger and Stripe say now. */
export function ledgerParts(deps: PreviewDeps): Pick<ApiParts, "preview" | "buttons"> {
  return {
    async preview(request) {
      const parsed = operationRequestSchema.safeParse(request);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const keys = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
        const field = [...(issue?.path ?? []), ...keys].map(String).join(".") || "request";
        return { answer: "invalid_request", field, problem: issue?.message ?? "is invalid" };
      }
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
  };
}
