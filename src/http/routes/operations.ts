import { idPattern } from "../../contract/operation.ts";
import { payloadVersion } from "../../queue/payloads.ts";
import { readRequestPayload, unreadable } from "../../queue/read-payload.ts";
import { type Acceptance, acceptRequest, refuseUnreadable } from "../../store/accept-request.ts";
import { StoreError } from "../../store/store-error.ts";
import type { Unreadable } from "../../store/unreadable.ts";
import { inUtc } from "../../views/in-utc.ts";
import { operationView } from "../../views/operation-view.ts";
import type { ApiContext, ApiDeps, ApiRoute } from "../api.ts";
import type { ApiParts } from "../api-parts.ts";
import { awaitOperation } from "../await-operation.ts";
import { idReused, invalidRequest, Problem, unavailable } from "../problem.ts";
import { readBody } from "../read-body.ts";
import { settleActor } from "../settle-actor.ts";

/** The routes of operations: to request one, to look at one or to wait for it, and to ask what one would do. */
export function operationRoutes(deps: ApiDeps): Readonly<Record<string, ApiRoute>> {
  const { preview } = deps.parts;
  const waiters = { count: 0, max: deps.waitersMax ?? waitersMaxDefault };
  return {
    "/operations": { POST: (context) => requestOperation(deps, context) },
    "/operations/:id": { GET: (context) => showOperation(deps, context, waiters) },
    ...(preview === undefined ? {} : { "/previews": { POST: (context) => answerPreview(preview, context) } }),
  };
}

async function requestOperation(deps: ApiDeps, context: ApiContext): Promise<Response> {
  const request = settleActor(await readBody(context.req.raw), context.get("actor"));
  const acceptance = await accept(deps, request);
  const kind = "operation" in acceptance ? acceptance.operation.kind : null;
  deps.observer?.requestAnswered("http", acceptance.answer, kind);
  if (acceptance.answer === "invalid_request") throw invalidRequest(acceptance.field, acceptance.problem);
  if (acceptance.answer === "id_reused") throw idReused(acceptance.field, acceptance.problem);
  const { answer, operation } = acceptance;
  context.header("location", `/operations/${operation.id}`);
  return context.json({ answer, operation: inUtc(operation) }, answer === "accepted" ? 201 : 200);
}

/** Waits between repetitions after a conflict: whoever was met there is gone after the first, nearly always. */
const conflictDelaysMs = [20, 100, 500];

async function accept(deps: ApiDeps, request: Readonly<Record<string, unknown>>): Promise<Acceptance> {
  const read = readRequestPayload({ v: payloadVersion, request });
  if (read.type === "unreadable") return refuseUnreadable(deps.db, read.unreadable);
  for (const delayMs of [...conflictDelaysMs, undefined]) {
    try {
      return await acceptRequest(deps.db, read.request, null);
    } catch (error) {
      if (isAboutContent(error)) return refuseUnreadable(deps.db, unstorable(request, error.code));
      if (!(error instanceof StoreError) || error.fault !== "conflict" || delayMs === undefined) throw error;
      await deps.clock.sleep(delayMs * (0.75 + Math.random() / 2));
    }
  }
  throw new Error("The last repetition neither returned nor threw.");
}

/** SQLSTATE classes 22 (data exception) and 54 (limit exceeded): PostgreSQL will not take this content at any time. */
function isAboutContent(error: unknown): error is StoreError {
  return error instanceof StoreError && error.fault === "refused" && /^(22|54)/.test(error.code);
}

function unstorable(request: Readonly<Record<string, unknown>>, code: string): Unreadable {
  return unreadable({ v: payloadVersion, request }, "request", `cannot be stored (${code})`);
}

/** Each waiting request reads its operation every second or so; above this, one more is answered at once as it stands. */
const waitersMaxDefault = 500;

interface Waiters {
  count: number;
  readonly max: number;
}

async function showOperation(deps: ApiDeps, context: ApiContext, waiters: Waiters): Promise<Response> {
  const id = context.req.param("id") ?? "";
  const waitMs = readWaitMs(context.req.query("wait"));
  const end = deps.endOf(context.req.raw);
  const mayWait = waiters.count < waiters.max;
  waiters.count += 1;
  try {
    const operation = idPattern.test(id) ? await awaitOperation(deps, id, mayWait ? waitMs : 0, end.signal) : undefined;
    if (operation !== undefined) return context.json(operationView(operation));
  } finally {
    waiters.count -= 1;
    end.release();
  }
  throw new Problem("operation_not_found", {
    detail: "The ledger has no operation of this id.",
    remedy: "Check the id. A request that only a queue has taken is not in the ledger yet.",
  });
}

/** A minute is the longest that every proxy between here and there keeps a silent connection. */
const waitSecondsMax = 60;

function readWaitMs(text: string | undefined): number {
  if (text === undefined) return 0;
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= waitSecondsMax) return seconds * 1_000;
  throw invalidRequest("wait", `must be a whole number of seconds from 0 to ${waitSecondsMax}`);
}

async function answerPreview(preview: ApiParts["preview"], context: ApiContext): Promise<Response> {
  const request = settleActor(await readBody(context.req.raw), context.get("actor"));
  const read = readRequestPayload({ v: payloadVersion, request });
  if (read.type === "unreadable") throw invalidRequest(read.unreadable.field, read.unreadable.problem);
  const previewed = await preview(request);
  if (previewed.answer === "invalid_request") throw invalidRequest(previewed.field, previewed.problem);
  if (previewed.answer === "stripe_unavailable") throw unavailable("Stripe");
  if (previewed.answer === "unexplained") throw answerUnexplained(previewed.code);
  return context.json(previewed.body);
}

function answerUnexplained(code: string): Problem {
  return new Problem("answer_unexplained", {
    detail: `Stripe gave an answer that has no meaning here yet (${code}).`,
    remedy: "Carried out, the operation would be held for a person. Look at the contract's objects at Stripe.",
  });
}
