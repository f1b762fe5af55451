import { explainRejection, rejectionCodes } from "../contract/rejection.ts";
import type { OperationSummary } from "../store/operation-summary.ts";
import { plainText } from "./output.ts";
import { showInstant } from "./show-time.ts";
import { showStatus } from "./words.ts";

type Concluded = Pick<
  OperationSummary,
  | "state"
  | "rejectionCode"
  | "rejectionDetail"
  | "outcome"
  | "retries"
  | "abandonment"
  | "heldQuestion"
  | "waitReason"
  | "nextAttemptAt"
>;

/**
 * What became of an operation, in one line: the statuses it led between, why it was refused, what it waits for, and who
 * let it be tried again meanwhile.
 */
export function showOutcome(operation: Concluded, zone: string): string {
  const retries = operation.retries.map(
    ({ operatorId, reason, at }) => `tried again by operator ${operatorId} at ${showInstant(at, zone)}: ${reason}`,
  );
  return [showEnding(operation, zone), ...retries.map(plainText)].filter((part) => part !== "").join("; ");
}

function showEnding(operation: Concluded, zone: string): string {
  switch (operation.state) {
    case "succeeded":
      return showSuccess(operation.outcome ?? {});
    case "rejected":
      return rejectionSentencesOf(operation)?.en ?? String(operation.rejectionCode);
    case "abandoned": {
      const { operatorId, reason } = operation.abandonment ?? {};
      return plainText(`by operator ${String(operatorId)}: ${String(reason)}`);
    }
    case "held":
      return `waits for a person: ${showDetail(operation.heldQuestion)}`;
    case "requested":
    case "executing": {
      const { waitReason, nextAttemptAt } = operation;
      if (waitReason === null) return "";
      return nextAttemptAt === null
        ? plainText(waitReason)
        : `${plainText(waitReason)}, again at ${showInstant(nextAttemptAt, zone)}`;
    }
  }
}

/** Why an operation was refused, in both languages; undefined when it was not. */
export function rejectionSentencesOf({
  rejectionCode,
  rejectionDetail,
}: Pick<OperationSummary, "rejectionCode" | "rejectionDetail">):
  | { readonly ja: string; readonly en: string }
  | undefined {
  // A newer version's ledger may hold a code that this one has no sentence for.
  if (rejectionCode === null || !rejectionCodes.includes(rejectionCode)) return undefined;
  const rejection = { code: rejectionCode, detail: rejectionDetail ?? {} };
  return { ja: plainText(explainRejection(rejection, "ja")), en: plainText(explainRejection(rejection, "en")) };
}

function showSuccess(outcome: Readonly<Record<string, unknown>>): string {
  const { statusBefore, statusAfter, attention } = outcome;
  const before = typeof statusBefore === "string" ? showStatus(statusBefore) : "";
  const after = typeof statusAfter === "string" ? showStatus(statusAfter) : "";
  const status = before === after || before === "" ? after : `${before} → ${after}`;
  const attentions = attentionsOf(attention).map(showDetail);
  return attentions.length === 0 ? status : `${status}; attention: ${attentions.join("; ")}`;
}

function attentionsOf(attention: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(attention) ? (attention as Readonly<Record<string, unknown>>[]) : [];
}

/** A code with what it is about: `refund_owed (paymentId c-1:period:3, amountMinor 1980)`. */
function showDetail(about: Readonly<Record<string, unknown>> | null): string {
  const { code, detail } = about ?? {};
  const parts = Object.entries((detail ?? {}) as Readonly<Record<string, unknown>>).map(
    ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return plainText(parts.length === 0 ? String(code) : `${String(code)} (${parts.join(", ")})`);
}
