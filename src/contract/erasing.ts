import { endSubscriptions } from "./canceling.ts";
import type { Attention } from "./change.ts";
import type { ContractWorld } from "./contract.ts";
import { endInvoices, remarkOnRest } from "./ending-invoices.ts";
import type { Answers, Step } from "./step.ts";

type Closing =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "closed"; readonly attention: readonly Attention[] };

/**
 * Ends every subscription of a contract that is to be deleted, voids the open invoices and stops the drafts. "Cancelled
 * already", "no such subscription" and "no longer open" are answers; one that was paid in the meantime is among the paid
 * ones, which are listed next.
 */
export function closeSubscriptions(world: ContractWorld, answers: Answers): Closing {
  const ending = endSubscriptions(world.contract, answers);
  if (ending.type === "step") return ending;
  const ended = endInvoices(world, answers);
  if (ended.type === "step") return ended;
  return { type: "closed", attention: [...ending.attention, ...ended.invoices.flatMap(remarkOnRest)] };
}
