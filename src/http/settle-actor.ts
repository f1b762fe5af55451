import type { TokenActor } from "../api-tokens.ts";
import { Problem } from "./problem.ts";

/**
 * The request with its actor: the token's own, which the body may leave out or repeat. A service may name a customer for
 * whom it asks, and vouches for them. Throws a {@link Problem} for anybody else; what is no actor at all is left for the
 * ledger to refuse.
 */
export function settleActor(
  request: Readonly<Record<string, unknown>>,
  own: TokenActor,
): Readonly<Record<string, unknown>> {
  const { actor } = request;
  if (actor === undefined) return { ...request, actor: own };
  if (typeof actor !== "object" || actor === null) return request;
  const { type, id } = actor as { readonly type?: unknown; readonly id?: unknown };
  if (typeof type !== "string" || typeof id !== "string") return request;
  if (type === own.type && id === own.id) return request;
  if (type === "customer" && own.type === "service") return request;
  throw actorNotAllowed(own);
}

/** The refusal of an actor for whom the token does not speak. */
export function actorNotAllowed(own: TokenActor): Problem {
  return new Problem("actor_not_allowed", {
    detail: "The actor is not the token's own.",
    remedy:
      own.type === "service"
        ? "Leave the actor out, or name a customer for whom the service asks."
        : "Leave the actor out; only a service asks for others.",
    field: "actor",
  });
}
