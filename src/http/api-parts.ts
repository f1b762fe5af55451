import type { TokenActor } from "../api-tokens.ts";

/** Who asks, once token and request have been held against each other. */
export type RequestingActor = TokenActor | { readonly type: "customer"; readonly id: string };

/** What a preview says. `body` is sent as it is. */
export type PreviewAnswer =
  /** The plan, also of a request that would be rejected. */
  | { readonly answer: "plan"; readonly body: object }
  | { readonly answer: "invalid_request"; readonly field: string; readonly problem: string }
  /** Stripe could not be looked at. */
  | { readonly answer: "stripe_unavailable" }
  /** Stripe gave an answer that nobody has given a meaning. */
  | { readonly answer: "unexplained"; readonly code: string };

/** Which operations a contract, or what remains of a deleted one, offers to this actor. `body` is sent as it is. */
export type ButtonsAnswer =
  | { readonly answer: "buttons"; readonly body: object }
  | { readonly answer: "contract_not_found" };

/** What became of a product or customer that was sent: `ignored` is an update older than what is known. */
export type PutAnswer =
  | { readonly answer: "created" | "updated" | "ignored"; readonly version: number }
  | { readonly answer: "invalid_request"; readonly field: string; readonly problem: string };

/** What the API has others do. */
export interface ApiParts {
  /** What the request, of the form of an operation's, would do. Changes nothing. */
  readonly preview: (request: Readonly<Record<string, unknown>>) => Promise<PreviewAnswer>;
  readonly buttons: (contractId: string, actor: RequestingActor) => Promise<ButtonsAnswer>;
  readonly putProduct: (id: string, body: Readonly<Record<string, unknown>>) => Promise<PutAnswer>;
  readonly putCustomer: (id: string, body: Readonly<Record<string, unknown>>) => Promise<PutAnswer>;
}
