import { replayEvent } from "../store/decide-event-by-hand.ts";
import type { EventRecord } from "../store/list-events.ts";
import { isConflict } from "../store/store-error.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { eventChanged, guardOf, readDecidedEvent } from "./decided-event.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { readOperatorId } from "./read-actor.ts";

/** What a person decides about an event, and why. */
export interface EventDecisionOptions {
  readonly eventId: string;
  readonly reason: string;
  readonly actor?: string;
  readonly json?: boolean;
}

/**
 * Has an event looked at again as if it had just arrived: one that waits, was ignored or is held, and one that was applied
 * and whose operation did not succeed. What succeeded is never done again.
 */
export async function eventReplay(context: CommandContext, options: EventDecisionOptions): Promise<ExitCode> {
  const { eventId, reason, actor, json = false } = options;
  const { db, out, err } = context;
  const operatorId = readOperatorId(actor);
  const guard = guardOfReplay(await readDecidedEvent(context, eventId));
  try {
    await replayEvent(db, guard, { operatorId, reason });
  } catch (error) {
    throw isConflict(error) ? eventChanged(eventId) : error;
  }
  if (json) writeJson(out, { eventId, state: "received" });
  else writeLine(out, `${paint(out, "green", "received")}  event ${eventId} will be looked at again.`);
  writeLine(err, paint(err, "dim", "Workers do that; `keiyaku event show` tells what became of it."));
  return exitCodes.done;
}

function guardOfReplay(record: EventRecord) {
  const { event, hasBody, operation } = record;
  const { id, state } = event;
  if (!hasBody) {
    throw notReplayed("event_body_gone", `What event ${id} said is not kept any more.`, goneRemedy);
  }
  if (state === "received") {
    throw notReplayed("event_waits", `Event ${id} is waiting to be looked at already.`, "Leave it to the workers.");
  }
  if (state === "applied" && operation?.state !== "abandoned" && operation?.state !== "rejected") {
    const sentence = `Event ${id} became operation ${event.operationId}, which is ${operation?.state ?? "erased"}.`;
    const remedy = `Only one whose operation was abandoned or rejected becomes another; \`keiyaku operation show ${event.operationId}\` tells more.`;
    throw notReplayed("event_applied", sentence, remedy);
  }
  return guardOf(record, state);
}

const goneRemedy =
  "Bodies are forgotten after 45 days, with their contract, or at once where nothing follows and no contract is named; " +
  "Stripe's dashboard shows the object as it is now.";

function notReplayed(code: string, sentence: string, remedy: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, { code, sentence, remedy });
}
