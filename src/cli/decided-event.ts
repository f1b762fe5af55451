import type { EventGuard } from "../store/decide-event-by-hand.ts";
import { type EventRecord, readEventRecord } from "../store/list-events.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { exitCodes } from "./exit-codes.ts";

/** The failure of a command that was given an event's id which the inbox does not have. */
export function eventNotFound(eventId: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, {
    code: "event_not_found",
    sentence: `The inbox has no event ${eventId}.`,
    remedy:
      "One that Stripe lists and that never arrived is taken in by the next back-fill; `keiyaku event list` shows what is there.",
  });
}

/** Reads an event about which somebody wants to decide; throws when there is none. */
export async function readDecidedEvent({ db }: Pick<CommandContext, "db">, eventId: string): Promise<EventRecord> {
  const record = await readEventRecord(db, eventId, { withBody: false });
  if (record === undefined) throw eventNotFound(eventId);
  return record;
}

/** What the statement that decides is guarded by, for an event in one of these states. */
export function guardOf<State extends EventGuard["state"]>({ event }: EventRecord, state: State) {
  return { eventId: event.id, state, looks: event.looks };
}

/** Of a guarded statement that met something else than was read a moment ago. */
export function eventChanged(eventId: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, {
    code: "event_changed",
    sentence: `Event ${eventId} changed while it was decided about; nothing was written.`,
    remedy: `Look at it again with \`keiyaku event show ${eventId}\`, then decide.`,
  });
}
