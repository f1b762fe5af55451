import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerCall } from "./answer-call.ts";
import { API_VERSION, type Call, type Reply } from "./call.ts";
import type { Core } from "./core.ts";
import { StoppedWhileHeld } from "./execute-call.ts";
import { htmlOf502 } from "./fault-replies.ts";
import type { Fault } from "./fault-rule.ts";
import type { HoldEnd } from "./holds.ts";
import type { LimitReason } from "./rate-limits.ts";
import type { RequestRecord } from "./request-log.ts";

export interface Connection {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** Takes one call from its arrival to the last byte of its answer, or to the end that a fault gives it. */
export async function serveCall(core: Core, call: Call, connection: Connection): Promise<void> {
  const { method, path, endpoint } = call;
  const admission = core.rateLimits.admit(`${method} ${endpoint?.path ?? path}`, performance.now());
  try {
    await serveAdmitted(core, call, connection, admission.refusedFor);
  } finally {
    admission.leave();
  }
}

async function serveAdmitted(
  core: Core,
  call: Call,
  connection: Connection,
  refusedFor: LimitReason | undefined,
): Promise<void> {
  const record = receive(core, call, connection);
  if ((await waitLatency(core)) === "stopped") return cut(core, record, connection);
  const fault = core.faults.take(call);
  if (fault !== undefined) record.fault = fault.mode;
  if (fault?.mode === "lose_reply_before") return cut(core, record, connection);
  const reply = await answerUnlessStopped(core, call, fault, refusedFor);
  if (reply === undefined) return cut(core, record, connection);
  record.replayed = reply.isReplayed;
  if ((await holdAfter(core, fault)) === "stopped" || fault?.mode === "lose_reply_after")
    return cut(core, record, connection);
  if (fault?.mode === "truncate_reply") return sendHalf(core, record, call, reply, connection);
  send(core, record, call, fault?.mode === "html_502" ? htmlOf502() : reply, connection);
}

function receive(core: Core, call: Call, { incoming }: Connection): RequestRecord {
  const arrival = {
    at: Date.now(),
    method: call.method,
    path: incoming.url ?? call.path,
    parametersDigest: createHash("sha256").update(call.parameters).digest("base64url").slice(0, 16),
    requestId: call.requestId,
  };
  return core.state.requests.receive(arrival, call.idempotencyKey);
}

async function waitLatency(core: Core): Promise<HoldEnd> {
  return core.settings.latencyMs > 0 ? core.delays.wait(core.settings.latencyMs) : "elapsed";
}

async function holdAfter(core: Core, fault: Fault | undefined): Promise<HoldEnd> {
  return fault?.mode === "hold" && fault.when === "after_executing" ? core.holds.wait(fault.ms) : "elapsed";
}

async function answerUnlessStopped(
  core: Core,
  call: Call,
  fault: Fault | undefined,
  refusedFor: LimitReason | undefined,
): Promise<Reply | undefined> {
  try {
    return await answerCall(core, call, fault, refusedFor);
  } catch (error) {
    if (error instanceof StoppedWhileHeld) return undefined;
    throw error;
  }
}

function send(core: Core, record: RequestRecord, call: Call, reply: Reply, { outgoing }: Connection): void {
  const isGone = outgoing.destroyed || outgoing.socket?.destroyed === true;
  core.state.requests.conclude(record, isGone ? null : reply.status);
  if (isGone) return;
  outgoing.writeHead(reply.status, headersOf(core, call, reply));
  outgoing.end(reply.body);
}

/** The headers promise the whole body; half of it arrives. */
function sendHalf(core: Core, record: RequestRecord, call: Call, reply: Reply, { outgoing }: Connection): void {
  core.state.requests.conclude(record, null);
  outgoing.writeHead(reply.status, headersOf(core, call, reply));
  const bytes = Buffer.from(reply.body);
  outgoing.write(bytes.subarray(0, bytes.length >>> 1), () => outgoing.socket?.destroy());
}

function cut(core: Core, record: RequestRecord, { incoming }: Connection): void {
  core.state.requests.conclude(record, null);
  incoming.socket.destroy();
}

function headersOf({ state }: Core, call: Call, reply: Reply): Record<string, string> {
  return {
    date: new Date(state.nowMs).toUTCString(),
    "content-type": reply.contentType ?? "application/json",
    "content-length": String(Buffer.byteLength(reply.body)),
    "request-id": call.requestId,
    "stripe-version": API_VERSION,
    ...(call.idempotencyKey === undefined ? {} : { "idempotency-key": call.idempotencyKey }),
    ...(reply.isReplayed ? { "idempotent-replayed": "true" } : {}),
    ...reply.headers,
  };
}
