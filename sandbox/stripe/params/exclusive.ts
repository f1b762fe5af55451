import { invalidRequest } from "../core/errors.ts";
import type { FormMap, FormNode } from "../core/form.ts";

/** What no type of the SDK expresses: parameters of which a request may carry one at the most. A star is any index. */
const EXCLUSIVE: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "GET /v1/events": [["type", "types"]],
  "POST /v1/prices": [
    ["product", "product_data"],
    ["unit_amount", "unit_amount_decimal"],
  ],
  "POST /v1/subscriptions": [
    ["cancel_at", "cancel_at_period_end"],
    ["billing_cycle_anchor", "billing_cycle_anchor_config"],
    ["trial_end", "trial_period_days"],
    ["items.*.price", "items.*.price_data"],
    ["add_invoice_items.*.price", "add_invoice_items.*.price_data"],
  ],
  "POST /v1/subscriptions/:id": [["cancel_at", "cancel_at_period_end"]],
};

/** Every list takes one cursor. */
const CURSORS = ["starting_after", "ending_before"] as const;

/** Throws `parameters_exclusive` when a request carries two parameters that exclude each other. */
export function refuseExclusive(endpoint: string, root: FormMap): void {
  for (const [one, other] of [CURSORS, ...(EXCLUSIVE[endpoint] ?? [])]) {
    if (!hasBoth(root, one.split("."), other.split("."))) continue;
    const names = `${one} and ${other}`.replaceAll(".*.", "[][]");
    throw invalidRequest(`Only one of ${names} can be given.`, { code: "parameters_exclusive" });
  }
}

/** Both paths are equally long and part at their last segment. */
function hasBoth(node: FormNode | undefined, one: readonly string[], other: readonly string[]): boolean {
  if (node === undefined || typeof node === "string") return false;
  const [head = "", ...restOfOne] = one;
  const [otherHead = "", ...restOfOther] = other;
  if (restOfOne.length === 0) return node[head] !== undefined && node[otherHead] !== undefined;
  const children = head === "*" ? Object.values(node) : [node[head]];
  return children.some((child) => hasBoth(child, restOfOne, restOfOther));
}
