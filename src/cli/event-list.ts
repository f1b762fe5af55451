import { type EventFilter, listEvents } from "../store/list-events.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { showTable } from "./show-table.ts";
import { inUtc, showInstant } from "./show-time.ts";

export interface EventListOptions extends EventFilter {
  readonly json?: boolean;
}

/** Lists events of Stripe's, the last made first. */
export async function eventList(
  { db, out, err, config }: CommandContext,
  { json = false, ...filter }: EventListOptions,
): Promise<ExitCode> {
  const events = await listEvents(db, filter);
  if (json) {
    writeJson(out, events.map(inUtc));
    return exitCodes.done;
  }
  const zone = config.businessTimeZone;
  const rows = events.map((event) => [
    showInstant(event.createdAt, zone),
    event.id,
    plainText(event.type),
    event.state,
    event.contractId ?? "–",
    event.operationId ?? "–",
    event.stateReason === null ? "" : plainText(event.stateReason, 80),
  ]);
  out.write(showTable(out, ["made", "event", "type", "state", "contract", "operation", ""], rows));
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  if (events.length === filter.limit) {
    writeLine(err, paint(err, "dim", `These are the last ${filter.limit}; --limit shows more.`));
  }
  return exitCodes.done;
}
