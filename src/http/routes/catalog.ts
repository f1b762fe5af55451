import { idPattern } from "../../contract/operation.ts";
import { payloadVersion } from "../../queue/payloads.ts";
import { readRequestPayload } from "../../queue/read-payload.ts";
import type { ApiContext, ApiDeps, ApiRoute } from "../api.ts";
import type { ApiParts } from "../api-parts.ts";
import { invalidRequest } from "../problem.ts";
import { readBody } from "../read-body.ts";

/** The routes of the catalog: products and customers, by version. */
export function catalogRoutes({ parts }: ApiDeps): Readonly<Record<string, ApiRoute>> {
  const { putProduct, putCustomer } = parts;
  return {
    ...(putProduct === undefined ? {} : { "/products/:id": { PUT: (context) => put(context, putProduct) } }),
    ...(putCustomer === undefined ? {} : { "/customers/:id": { PUT: (context) => put(context, putCustomer) } }),
  };
}

async function put(context: ApiContext, store: ApiParts["putProduct"]): Promise<Response> {
  const id = context.req.param("id") ?? "";
  if (!idPattern.test(id)) throw invalidRequest("id", "must be 1 to 64 letters, digits, '.', '_' or '-'");
  const body = await readBody(context.req.raw);
  const read = readRequestPayload({ v: payloadVersion, request: body });
  if (read.type === "unreadable") throw invalidRequest(read.unreadable.field, read.unreadable.problem);
  const stored = await store(id, body);
  if (stored.answer === "invalid_request") throw invalidRequest(stored.field, stored.problem);
  return context.json(stored, stored.answer === "created" ? 201 : 200);
}
