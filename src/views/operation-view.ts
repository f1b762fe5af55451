import { parseInstant } from "../contract/calendar.ts";
import { explainRejection, rejectionCodes } from "../contract/rejection.ts";
import type { OperationSummary } from "../store/operation-summary.ts";
import { inUtc } from "./in-utc.ts";

/** Why a rule said no, for a person. */
export interface Sentences {
  readonly ja: string;
  readonly en: string;
}

/** An operation as programs are shown it: without its parameters, its instants in UTC. */
export interface OperationJson extends OperationSummary {
  /** Why it was refused, in both languages; null when it was not, or for a code that only a newer version knows. */
  readonly sentences: Sentences | null;
}

export function operationView(operation: OperationSummary): OperationJson {
  return {
    ...inUtc(operation),
    retries: operation.retries.map((retry) => ({ ...retry, at: parseInstant(retry.at) })),
    sentences: sentencesOf(operation),
  };
}

function sentencesOf({
  rejectionCode: code,
  rejectionDetail,
}: Pick<OperationSummary, "rejectionCode" | "rejectionDetail">): Sentences | null {
  if (code === null || !rejectionCodes.includes(code)) return null;
  const rejection = { code, detail: rejectionDetail ?? {} };
  return { ja: explainRejection(rejection, "ja"), en: explainRejection(rejection, "en") };
}
