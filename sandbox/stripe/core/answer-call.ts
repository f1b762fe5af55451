import { authenticate } from "./auth.ts";
import { API_VERSION, type Call, type Reply } from "./call.ts";
import type { Core } from "./core.ts";
import type { Endpoint, PreparedRequest } from "./endpoint.ts";
import { invalidRequest, NotImitated, refusal, StripeRefusal } from "./errors.ts";
import { executeCall, StoppedWhileHeld } from "./execute-call.ts";
import { htmlOf502, rateLimited, refuseByFault } from "./fault-replies.ts";
import type { Fault } from "./fault-rule.ts";
import { type Form, parseForm } from "./form.ts";
import { fingerprintOf, KEY_LENGTH_MAX } from "./idempotency-keys.ts";
import type { LimitReason } from "./rate-limits.ts";
import { replyOf } from "./reply.ts";

/** What the SDK puts before the keys that it makes up by itself, one for each call. */
const AUTOMATIC_KEY_PREFIX = "stripe-node-retry-";

/**
 * The whole way of a request, in Stripe's order: limiter, authentication, route, key, validation, execution.
 *
 * Only what happens after the key has been taken is stored. A defect of the stand-in itself is answered with a 500 that
 * is not stored, and is logged: whatever the endpoint had changed is taken back. Rejects with `StoppedWhileHeld` only.
 */
export async function answerCall(
  core: Core,
  call: Call,
  fault: Fault | undefined,
  refusedFor: LimitReason | undefined,
): Promise<Reply> {
  try {
    if (fault?.mode === "html_502" && !fault.executed) return htmlOf502();
    refuseByFault(fault);
    if (refusedFor !== undefined) throw rateLimited(refusedFor);
    authenticate(call.authorization, core.settings.acceptedKey);
    const endpoint = routed(call);
    refuseOtherVersion(call);
    const form = parseForm(call.parameters);
    if (endpoint.method !== "POST") return await executeCall(core, call, endpoint.prepare(form, call.id), fault);
    refuseAutomaticKey(core, call);
    return call.idempotencyKey === undefined
      ? await executeCall(core, call, endpoint.prepare(form, call.id), fault)
      : await answerKeyed(core, call, endpoint, form, call.idempotencyKey, fault);
  } catch (error) {
    if (error instanceof StoppedWhileHeld) throw error;
    return replyOfError(core, call, error);
  }
}

async function answerKeyed(
  core: Core,
  call: Call,
  endpoint: Endpoint,
  form: Form,
  key: string,
  fault: Fault | undefined,
): Promise<Reply> {
  const { keys, nowMs } = core.state;
  if (key.length > KEY_LENGTH_MAX) throw invalidRequest(`Idempotency keys have at most ${KEY_LENGTH_MAX} characters.`);
  const fingerprint = fingerprintOf(call.method, call.path, form.pairs);
  const standing = keys.standing(key, fingerprint, nowMs);
  switch (standing.type) {
    case "running":
      throw new StripeRefusal(409, {
        type: "idempotency_error",
        code: "idempotency_key_in_use",
        message: `There is another request at work with the idempotency key '${key}'.`,
      });
    case "used_otherwise":
      throw new StripeRefusal(400, {
        type: "idempotency_error",
        message: `The idempotency key '${key}' was first used with other parameters.`,
      });
    case "stored": {
      const { requestId, status, body } = standing.result;
      return { status, body, headers: { "original-request": requestId }, isReplayed: true };
    }
    case "unknown": {
      const prepared: PreparedRequest = endpoint.prepare(form, call.id);
      keys.begin(key);
      try {
        return await executeCall(core, call, prepared, fault, { key, fingerprint });
      } finally {
        keys.end(key);
      }
    }
  }
}

function routed(call: Call): Endpoint {
  if (call.endpoint !== undefined) return call.endpoint;
  throw refusal(404, `Unrecognized request URL (${call.method}: ${call.path}).`);
}

function refuseOtherVersion(call: Call): void {
  if (call.apiVersion === undefined || call.apiVersion === API_VERSION) return;
  throw invalidRequest(`The stand-in speaks API version ${API_VERSION} only, not ${call.apiVersion}.`);
}

/** With `refuseAutomaticKeys`, a POST must carry a key of the caller's own: one that outlives the call. */
function refuseAutomaticKey(core: Core, call: Call): void {
  if (!core.refuseAutomaticKeys) return;
  const key = call.idempotencyKey;
  if (key !== undefined && !key.startsWith(AUTOMATIC_KEY_PREFIX)) return;
  throw invalidRequest("The stand-in was told to refuse a POST without an idempotency key of the caller's own.");
}

function replyOfError(core: Core, call: Call, error: unknown): Reply {
  if (!(error instanceof StripeRefusal)) {
    core.log(`DEFECT at ${call.method} ${call.path}: ${error instanceof Error ? error.stack : String(error)}`);
    const defect = new StripeRefusal(500, { type: "api_error", message: "The stand-in failed." });
    return replyOf(defect, call.requestId);
  }
  if (call.endpoint === undefined && error.status === 404) core.log(`NO SUCH ROUTE ${call.method} ${call.path}`);
  if (error.error.code === "parameter_unknown") {
    core.log(`UNKNOWN PARAMETER ${error.error.param} at ${call.method} ${call.path}`);
  }
  if (error instanceof NotImitated) core.log(`NOT IMITATED at ${call.method} ${call.path}: ${error.message}`);
  return replyOf(error, call.requestId);
}
