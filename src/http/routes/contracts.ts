import { businessDateOf } from "../../contract/calendar.ts";
import { idPattern } from "../../contract/operation.ts";
import { readContractHistory } from "../../store/read-contract-history.ts";
import { contractView, operationsShownMax } from "../../views/contract-view.ts";
import type { ApiContext, ApiDeps, ApiRoute } from "../api.ts";
import type { ApiParts, RequestingActor } from "../api-parts.ts";
import { invalidRequest, Problem } from "../problem.ts";
import { actorNotAllowed } from "../settle-actor.ts";

/** The routes of contracts: where one stands with everything that was done to it, and which operations it offers. */
export function contractRoutes(deps: ApiDeps): Readonly<Record<string, ApiRoute>> {
  const { buttons } = deps.parts;
  return {
    "/contracts/:id": { GET: (context) => showContract(deps, context) },
    ...(buttons === undefined ? {} : { "/contracts/:id/buttons": { GET: (context) => showButtons(buttons, context) } }),
  };
}

async function showContract({ db, clock, zone }: ApiDeps, context: ApiContext): Promise<Response> {
  const options = { operationsMax: operationsShownMax, withCustomer: false };
  const found = await readContractHistory(db, contractIdOf(context), options);
  if (found.type === "missing") throw contractNotFound();
  if (found.type === "deleted") throw contractDeleted(found.operationId);
  return context.json(contractView(found.history, businessDateOf(clock.now(), zone)));
}

async function showButtons(buttons: ApiParts["buttons"], context: ApiContext): Promise<Response> {
  const listed = await buttons(contractIdOf(context), actorOf(context));
  if (listed.answer === "contract_not_found") throw contractNotFound();
  return context.json(listed.body);
}

/** The token's actor, or the customer for whom a service asks. */
function actorOf(context: ApiContext): RequestingActor {
  const own = context.get("actor");
  const customer = context.req.query("customer");
  if (customer === undefined) return own;
  if (own.type !== "service") throw actorNotAllowed(own);
  if (!idPattern.test(customer)) throw invalidRequest("customer", "must be a customer's id");
  return { type: "customer", id: customer };
}

function contractIdOf(context: ApiContext): string {
  const id = context.req.param("id") ?? "";
  if (!idPattern.test(id)) throw contractNotFound();
  return id;
}

function contractNotFound(): Problem {
  return new Problem("contract_not_found", {
    detail: "There is no contract of this id.",
    remedy: "Check the id, or register the contract first.",
  });
}

function contractDeleted(operationId: string): Problem {
  return new Problem("contract_deleted", {
    detail: "The contract has been deleted.",
    remedy: "GET /operations/{operationId} tells what that did.",
    operationId,
  });
}
