import type { Clock } from "../clock.ts";
import type { Plan } from "../contract/plan.ts";
import type { Database } from "../store/database.ts";
import { type Business, factsOf } from "../store/read-operation.ts";
import { type Unrequested, viewUnrequested } from "../store/view-unrequested.ts";
import type { NotNowReason, StripeGateway } from "../stripe/gateway.ts";
import { foreseeOperation } from "./foresee-operation.ts";

/** What a preview needs from outside. */
export interface PreviewDeps {
  readonly db: Database;
  readonly gateway: StripeGateway;
  readonly business: Business;
  readonly clock: Clock;
  /** Once it is aborted, a preview looks no further and rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** What an operation would do, refused ones included; or why that cannot be told now. */
export type Preview =
  | { readonly type: "plan"; readonly plan: Plan }
  /** Stripe, or our key to it, is not to be had now. */
  | { readonly type: "not_now"; readonly reason: NotNowReason }
  /** Stripe answered what nobody has given a meaning; the operation would wait for a person. */
  | { readonly type: "unexplained"; readonly code: string };

/**
 * What a request would do if it were carried out now: the same rules, the same facts, and Stripe really looked at, with
 * the calls supposed to succeed. Nothing is written, locked or called, and repeating it is harmless. What waits before it
 * on the same contract is not carried out for it.
 *
 * Throws a `StoreError` when the database does not answer.
 */
export async function previewOperation(deps: PreviewDeps, request: Unrequested): Promise<Preview> {
  const view = await viewUnrequested(deps.db, request, deps.clock.now());
  const facts = factsOf(view, deps.business);
  const foreseen = await foreseeOperation(deps.gateway, facts, new Map(), deps.signal ?? new AbortController().signal);
  if (foreseen.type === "plan") return foreseen;
  if (foreseen.type === "stopped") throw deps.signal?.reason;
  const { reply } = foreseen;
  switch (reply.type) {
    case "not_now":
      return { type: "not_now", reason: reply.reason };
    case "unknown":
      return { type: "not_now", reason: "unreachable" };
    case "refused":
    case "unexplained":
      return { type: "unexplained", code: reply.code };
  }
}
