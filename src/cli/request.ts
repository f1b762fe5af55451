import { v7 as uuidV7 } from "uuid";
import type { OperationKind } from "../contract/operation.ts";
import { explainRejection } from "../contract/rejection.ts";
import type { Acceptance, AcceptedOperation } from "../store/accept-request.ts";
import type { OperationSummary } from "../store/operation-summary.ts";
import { askLedger } from "./ask-ledger.ts";
import { awaitOutcome } from "./await-outcome.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { explainFailure } from "./explain-failure.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { readActor } from "./read-actor.ts";
import { type GivenParams, readParams } from "./read-params.ts";
import { rejectionSentencesOf, showOutcome } from "./show-outcome.ts";
import { planIn, showPlan } from "./show-plan.ts";
import { inUtc } from "./show-time.ts";

export interface RequestOptions extends GivenParams {
  readonly kind: OperationKind;
  readonly contractId: string;
  /** The idempotency key; a fresh UUID unless given. */
  readonly id?: string;
  readonly actor?: string;
  readonly reason?: string;
  /** The digest of a preview: carried out only if it would still do just that. */
  readonly expectPlan?: string;
  /** For how long to wait until the operation is concluded; not at all unless given. */
  readonly waitMs?: number;
  readonly json?: boolean;
}

/**
 * Requests an operation at the ledger's own door, and on demand waits for its outcome. Repeating it under the same id is
 * safe, and without one makes another operation.
 */
export async function request(context: CommandContext, options: RequestOptions): Promise<ExitCode> {
  const { kind, contractId, reason, expectPlan, id = uuidV7() } = options;
  const wanted = {
    id,
    kind,
    contractId,
    actor: readActor(options.actor),
    params: readParams(kind, options),
    ...(reason === undefined ? {} : { reason }),
    ...(expectPlan === undefined ? {} : { expectedPlan: expectPlan }),
  };
  const acceptance = await askNamingTheId(context, wanted);
  if (!("operation" in acceptance)) throw refused(context, acceptance, options);

  const { answer, operation } = acceptance;
  if (options.waitMs === undefined) {
    if (options.json) writeJson(context.out, { answer, operation: inUtc(operation) });
    else writeAcceptance(context, answer, operation);
    return exitCodes.done;
  }
  if (!options.json) writeAcceptance(context, answer, operation);
  const concluded = await awaitOutcome(context, operation.sequence, options.waitMs);
  if (concluded === undefined) throw notConcluded(operation, options.waitMs);
  if (options.json) writeJson(context.out, { answer, operation: inUtc(concluded) });
  else writeConclusion(context, concluded);
  return concluded.state === "succeeded" ? exitCodes.done : exitCodes.failed;
}

/** After a lost answer nobody knows whether the request was accepted: its id is what makes asking again harmless. */
async function askNamingTheId(context: CommandContext, wanted: { readonly id: string }): Promise<Acceptance> {
  try {
    return await askLedger(context, wanted);
  } catch (error) {
    const { exitCode, failures } = explainFailure(error);
    const words = failures[0];
    if (exitCode !== exitCodes.tryLater || words === undefined) throw error;
    throw new CommandFailure(exitCode, { ...words, remedy: `Ask again under the same id, with --id ${wanted.id}.` });
  }
}

type Refusal = Extract<Acceptance, { readonly field: string }>;

function refused(context: CommandContext, refusal: Refusal, { json, id }: RequestOptions): CommandFailure {
  const { answer, field, problem } = refusal;
  if (json) writeJson(context.out, refusal);
  const rejection = { code: answer, detail: { field, problem } };
  return new CommandFailure(exitCodes.failed, {
    code: answer,
    sentence: `${explainRejection(rejection, "ja")} ${explainRejection(rejection, "en")}`,
    remedy:
      answer === "id_reused"
        ? `Leave --id ${id ?? ""} out to have a new one made.`
        : "Correct it and ask again; nothing was accepted.",
  });
}

function writeAcceptance({ out, err }: CommandContext, answer: "accepted" | "duplicate", operation: AcceptedOperation) {
  const { id, kind, contractId, state } = operation;
  const what = answer === "accepted" ? paint(out, "green", answer) : `${answer} (${state})`;
  writeLine(out, `${what}  operation ${id}: ${kind} of contract ${contractId}`);
  if (state === "requested") writeLine(err, paint(err, "dim", workersCarryItOut));
}

/** What has to run for anything to happen. */
export const workersCarryItOut = "The workers carry it out; if none run, start them with `keiyaku start`.";

function writeConclusion({ out, config }: CommandContext, operation: OperationSummary): void {
  const format = operation.state === "succeeded" ? "green" : "red";
  const sentences = rejectionSentencesOf(operation);
  const outcome = sentences === undefined ? showOutcome(operation, config.businessTimeZone) : operation.rejectionCode;
  writeLine(out, `${paint(out, format, operation.state)}  ${outcome}`.trimEnd());
  if (sentences === undefined) return;
  writeLine(out, `  ja  ${sentences.ja}`);
  writeLine(out, `  en  ${sentences.en}`);
  const plan = planIn(operation.rejectionDetail);
  if (plan !== undefined) out.write(showPlan(out, plan));
}

function notConcluded({ id }: AcceptedOperation, waitedMs: number): CommandFailure {
  return new CommandFailure(exitCodes.tryLater, {
    code: "not_concluded",
    sentence: `Operation ${plainText(id)} is in the ledger and not concluded after ${waitedMs / 1_000} s.`,
    remedy: `${workersCarryItOut} See how it goes with \`keiyaku operation show ${id}\`.`,
  });
}
