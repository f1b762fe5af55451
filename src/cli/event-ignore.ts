import { ignoreEventByHand } from "../store/decide-event-by-hand.ts";
import { isConflict } from "../store/store-error.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { eventChanged, guardOf, readDecidedEvent } from "./decided-event.ts";
import type { EventDecisionOptions } from "./event-replay.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { readOperatorId } from "./read-actor.ts";

/** Ends the wait of an event that is unmatched or held: nothing follows from it. It can be replayed later all the same. */
export async function eventIgnore(context: CommandContext, options: EventDecisionOptions): Promise<ExitCode> {
  const { eventId, reason, actor, json = false } = options;
  const { db, out } = context;
  const operatorId = readOperatorId(actor);
  const record = await readDecidedEvent(context, eventId);
  const { state } = record.event;
  if (state !== "unmatched" && state !== "held") {
    throw new CommandFailure(exitCodes.failed, {
      code: "event_not_waiting",
      sentence: `Event ${eventId} is ${state}, and only one that is unmatched or held is for a person to ignore.`,
      remedy: `\`keiyaku event show ${eventId}\` tells what became of it.`,
    });
  }
  try {
    await ignoreEventByHand(db, guardOf(record, state), { operatorId, reason });
  } catch (error) {
    throw isConflict(error) ? eventChanged(eventId) : error;
  }
  if (json) writeJson(out, { eventId, state: "ignored" });
  else writeLine(out, `${paint(out, "yellow", "ignored")}  event ${eventId}; nothing follows from it.`);
  return exitCodes.done;
}
