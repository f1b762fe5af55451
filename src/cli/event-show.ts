import { type EventRecord, readEventRecord } from "../store/list-events.ts";
import type { CommandContext } from "./context.ts";
import { eventNotFound } from "./decided-event.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { showFacts } from "./show-table.ts";
import { inUtc, showPreciseInstant } from "./show-time.ts";

export interface EventShowOptions {
  readonly eventId: string;
  /** Whether to show what Stripe sent. */
  readonly body?: boolean;
  readonly json?: boolean;
}

/** Shows an event: when it came and how, what it became, and why it waits, was ignored or is held. */
export async function eventShow(
  { db, out, err, config }: CommandContext,
  { eventId, body: withBody = false, json = false }: EventShowOptions,
): Promise<ExitCode> {
  const record = await readEventRecord(db, eventId, { withBody });
  if (record === undefined) throw eventNotFound(eventId);
  const { event, body, hasBody, operation } = record;
  if (json) {
    writeJson(out, { ...inUtc(event), operation, hasBody, ...(withBody ? { body } : {}) });
    return exitCodes.done;
  }
  const zone = config.businessTimeZone;
  out.write(showFacts(out, factsOf(record, zone)));
  if (withBody) {
    writeLine(out);
    writeLine(out, paint(out, "bold", "Body"));
    writeLine(out, plainText(JSON.stringify(body), Number.MAX_SAFE_INTEGER));
  }
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  return exitCodes.done;
}

function factsOf({ event, hasBody, operation }: EventRecord, zone: string): readonly (readonly [string, string])[] {
  const at = (instant: string | null) => showPreciseInstant(instant, zone);
  const became =
    operation === null
      ? event.operationId === null
        ? "–"
        : `${event.operationId}, erased with its contract`
      : `${operation.id} (${operation.kind}), ${operation.state}`;
  return [
    ["event", event.id],
    ["type", plainText(event.type)],
    ["about", event.objectId === null ? "–" : plainText(event.objectId)],
    ["state", event.state],
    ["reason", event.stateReason === null ? "–" : plainText(event.stateReason)],
    ["contract", event.contractId ?? "–"],
    ["operation", became],
    [
      "made",
      `${at(event.createdAt)}, ${event.livemode ? "of real money" : "in test mode"}, as ${plainText(event.apiVersion)} writes it`,
    ],
    ["received", `${at(event.receivedAt)}, by ${event.arrivedBy}`],
    ["looked at", `${event.looks} times in vain; again at ${at(event.lookAt)}`],
    ["concluded", at(event.concludedAt)],
    ["body", hasBody ? "kept; --body shows it" : "gone"],
  ];
}
