import { type JournalRecord, type OperationRecord, readOperationRecord } from "../store/read-operation-record.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { hideCustomer } from "./hide-customer.ts";
import { operationNotFound } from "./operation-not-found.ts";
import { type Output, paint, plainText, writeJson, writeLine } from "./output.ts";
import { rejectionSentencesOf, showOutcome } from "./show-outcome.ts";
import { planIn, showPlan } from "./show-plan.ts";
import { showFacts } from "./show-table.ts";
import { inUtc, showPreciseInstant } from "./show-time.ts";

export interface OperationShowOptions {
  readonly operationId: string;
  /** Whether the parameters show the customer's name and mail. */
  readonly withCustomer?: boolean;
  readonly json?: boolean;
}

/** Shows everything about one operation: the request, its state, and each look and call of its journal. */
export async function operationShow(
  { db, out, err, config }: CommandContext,
  { operationId, withCustomer = false, json = false }: OperationShowOptions,
): Promise<ExitCode> {
  const record = await readOperationRecord(db, operationId);
  if (record === undefined) throw operationNotFound(operationId);
  const { operation, journal, events } = withCustomer ? record : withoutCustomer(record);
  if (json) {
    writeJson(out, { ...inUtc(operation), journal: journal.map(inUtc), events });
    return exitCodes.done;
  }
  const zone = config.businessTimeZone;
  out.write(showFacts(out, factsOf({ operation, events }, zone)));
  const plan = planIn(operation.rejectionDetail);
  if (plan !== undefined) {
    writeLine(out);
    writeLine(out, paint(out, "bold", "New plan"));
    out.write(showPlan(out, plan));
  }
  writeLine(out);
  writeLine(out, paint(out, "bold", "Journal"));
  if (journal.length === 0) writeLine(out, "  none: nothing was changed at Stripe");
  for (const [index, step] of journal.entries()) writeStep(out, index + 1, step, zone);
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  return exitCodes.done;
}

function withoutCustomer({ operation, journal, events }: OperationRecord): OperationRecord {
  const { frozenFacts } = operation;
  const frozen =
    frozenFacts === null
      ? null
      : {
          ...frozenFacts,
          operation: {
            ...frozenFacts.operation,
            params: hideCustomer(frozenFacts.operation.params as object as Params),
          },
        };
  return { operation: { ...operation, params: hideCustomer(operation.params), frozenFacts: frozen }, journal, events };
}

type Params = Readonly<Record<string, unknown>>;

function factsOf(
  { operation, events }: Pick<OperationRecord, "operation" | "events">,
  zone: string,
): readonly (readonly [string, string])[] {
  const at = (instant: string | null) => showPreciseInstant(instant, zone);
  const sentences = rejectionSentencesOf(operation);
  const { attempt, attemptsCounted, frozenFacts } = operation;
  return [
    ["operation", `${operation.id} (number ${operation.sequence} of the ledger)`],
    ["kind", operation.kind],
    ["contract", operation.contractId],
    ["state", operation.state],
    ["outcome", showOutcome(operation, zone) || "–"],
    ...(sentences === undefined ? [] : [["refused", `${operation.rejectionCode}: ${sentences.ja}`] as const]),
    ["asked by", plainText(`${operation.actorType}:${operation.actorId}`)],
    ...(events.length === 0
      ? []
      : [["reported by", events.map(({ id, type }) => plainText(`${id} (${type})`)).join(", ")] as const]),
    ...(operation.expectedPlan === null ? [] : [["expected plan", operation.expectedPlan] as const]),
    ["reason", operation.reason === null ? "–" : plainText(operation.reason)],
    ["parameters", plainText(JSON.stringify(operation.params), Number.MAX_SAFE_INTEGER)],
    ["requested", at(operation.requestedAt)],
    ["taken", at(operation.takenAt)],
    ["accepted", at(operation.acceptedAt)],
    ["attempts", `${attempt}, of which ${attemptsCounted} count; last sign of life ${at(operation.touchedAt)}`],
    ["occupies", operation.occupies ? "yes: other operations of the contract wait for it" : "no"],
    ["concluded", at(operation.concludedAt)],
    ["frozen facts", frozenFacts === null ? "–" : plainText(JSON.stringify(frozenFacts), Number.MAX_SAFE_INTEGER)],
  ];
}

function writeStep(out: Output, number: number, step: JournalRecord, zone: string): void {
  const at = (instant: string | null) => showPreciseInstant(instant, zone);
  const { verb, ...asked } = step.request;
  writeLine(out, `  ${number}. ${step.type} ${paint(out, "bold", verb)}  ${plainText(step.name)}`);
  const answered =
    step.answer === null
      ? paint(out, "yellow", "not known yet")
      : `${plainText(JSON.stringify(step.answer), Number.MAX_SAFE_INTEGER)}`;
  const facts: (readonly [string, string])[] = [["asked", plainText(JSON.stringify(asked), Number.MAX_SAFE_INTEGER)]];
  if (step.type === "call") {
    facts.push(["key", `${step.idempotencyKey ?? "–"} (key number ${step.keyNumber ?? "–"})`]);
    const sent = `first ${at(step.firstSentAt)}, last ${at(step.lastSentAt)}`;
    facts.push(["sent", step.firstSentAt === null ? "to no effect: it was turned away each time" : sent]);
  }
  facts.push(["answer", answered]);
  if (step.answeredAt !== null) {
    const learned = step.learnedBy === "look" && step.type === "call" ? "by looking for the effect" : "by its reply";
    const request = step.requestId === null ? "" : `, Stripe's request ${step.requestId}`;
    facts.push(["learned", `${at(step.answeredAt)}, ${learned}${request}`]);
  }
  facts.push(["written by", `version ${step.codeVersion}`]);
  out.write(showFacts(out, facts).replaceAll(/^/gm, "   ").trimEnd());
  writeLine(out);
}
