import { type Button, buttonsOf } from "../contract/buttons.ts";
import type { Actor } from "../contract/operation.ts";
import { factsOf } from "../store/read-operation.ts";
import { viewUnrequested } from "../store/view-unrequested.ts";
import type { PreviewDeps } from "./preview-operation.ts";

/** The buttons of a contract, or of what remains of a deleted one. */
export interface ContractButtons {
  readonly type: "found" | "deleted" | "missing";
  /** Every kind that people may ask; all refused as `contract_not_found` for a contract that is not there. */
  readonly buttons: readonly Button[];
}

/** Which operations a contract offers to this actor now, and why not the others. Reads one snapshot, and not Stripe. */
export async function listButtons(
  { db, business, clock }: Pick<PreviewDeps, "db" | "business" | "clock">,
  contractId: string,
  actor: Actor,
): Promise<ContractButtons> {
  // The kind does not matter: what is read of the contract is the same for all that have buttons.
  const view = await viewUnrequested(db, { kind: "replace_subscription", contractId, actor }, clock.now());
  const { operation: _, ...facts } = factsOf(view, business);
  const buttons = buttonsOf({ ...facts, contractId }, actor);
  const type = facts.tombstone !== null ? "deleted" : facts.world === null ? "missing" : "found";
  return { type, buttons };
}
