import type { Call, Reply } from "./call.ts";
import type { Cause, Change } from "./change.ts";
import type { Core } from "./core.ts";
import type { PreparedRequest, Shown, Stored } from "./endpoint.ts";
import { StripeRefusal } from "./errors.ts";
import { expanded } from "./expand.ts";
import { lockTimeout, serverError } from "./fault-replies.ts";
import type { Fault } from "./fault-rule.ts";
import { replyOf, replyOfObject } from "./reply.ts";

export interface TakenKey {
  readonly key: string;
  readonly fingerprint: string;
}

/** The stand-in stopped while this request was held: it is neither executed nor answered. */
export class StoppedWhileHeld extends Error {}

/**
 * Executes a validated request and stores its answer under its key, if it has one, in the same change as its effects:
 * after a crash both are there or neither.
 */
export async function executeCall(
  core: Core,
  call: Call,
  prepared: PreparedRequest,
  fault: Fault | undefined,
  taken?: TakenKey,
): Promise<Reply> {
  const heldMs = fault?.mode === "hold" && fault.when === "before_executing" ? fault.ms : 0;
  const isHeldAtWork = fault?.mode === "hold" && fault.locks;
  if (heldMs > 0 && !isHeldAtWork) await hold(core, heldMs);
  const ids = prepared.lockIds(core.state.objects);
  await takeLocks(core, ids);
  try {
    if (heldMs > 0 && isHeldAtWork) await hold(core, heldMs);
    return commitReply(core, call, produceBy(call, prepared, fault), taken);
  } finally {
    core.locks.free(ids);
  }
}

async function hold(core: Core, ms: number): Promise<void> {
  if ((await core.holds.wait(ms)) === "stopped") throw new StoppedWhileHeld();
}

/** Waits for the objects that another request is at work on; 429 when that takes too long. Like every 429 it is not stored. */
async function takeLocks({ locks }: Core, ids: readonly string[]): Promise<void> {
  const end = await locks.take(ids);
  if (end === "stopped") throw new StoppedWhileHeld();
  if (end === "timed_out") throw lockTimeout();
}

function produceBy(call: Call, prepared: PreparedRequest, fault: Fault | undefined): (change: Change) => Reply {
  return (change) => {
    if (fault?.mode !== "stored_500") return produceReply(call, prepared, change);
    if (fault.executed) prepared.execute(change);
    return replyOf(serverError(fault), call.requestId);
  };
}

function commitReply(core: Core, call: Call, produce: (change: Change) => Reply, taken: TakenKey | undefined): Reply {
  const cause: Cause = {
    requestId: call.requestId,
    ...(taken === undefined ? {} : { idempotencyKey: taken.key }),
  };
  const commit = (answer: (change: Change) => Reply) =>
    core.state.change(cause, (change) => {
      const reply = answer(change);
      if (taken !== undefined)
        change.keep({ ...taken, requestId: call.requestId, status: reply.status, body: reply.body });
      return reply;
    });
  try {
    return commit(produce);
  } catch (error) {
    if (!(error instanceof StripeRefusal)) throw error;
    return commit(() => replyOf(error, call.requestId));
  }
}

function produceReply(call: Call, prepared: PreparedRequest, change: Change): Reply {
  const answer = prepared.execute(change);
  if (answer instanceof StripeRefusal) return replyOf(answer, call.requestId);
  if (prepared.expand.size === 0) return replyOfObject(answer);
  // Kinds of which answers show only a part have nothing to expand, and have been answered above.
  const filled = (object: Stored | Shown) => expanded(change.objects, object as Stored, prepared.expand);
  return replyOfObject(answer.object === "list" ? { ...answer, data: answer.data.map(filled) } : filled(answer));
}
