import { type Output, paint, writeLine } from "../../../src/cli/output.ts";
import { showTable } from "../../../src/cli/show-table.ts";
import { isOneOf } from "../../../src/contract/contract.ts";
import { operationKinds } from "../../../src/contract/operation.ts";
import { ruleOf } from "../../../src/contract/operations/index.ts";
import { explainRejection, type RejectionCode, rejectionCodes } from "../../../src/contract/rejection.ts";
import { inYen, sumOf } from "../compare/line.ts";
import type { Outcomes, OwedRefund, RejectionCount } from "../read-outcomes.ts";
import { showCount } from "./show-count.ts";
import { writeHeading } from "./write-heading.ts";

/** What became of the operations, kind by kind, in the order of the documentation. */
export function writeKinds(out: Output, { kinds, held }: Outcomes): void {
  writeHeading(out, "What became of the operations");
  const found = operationKinds.flatMap((kind) => kinds.find((outcome) => outcome.kind === kind) ?? []);
  const sum = (name: "succeeded" | "attention" | "rejected" | "held") =>
    showCount(found.reduce((total, outcome) => total + outcome[name], 0));
  const rows = found.map(({ kind, succeeded, attention, rejected, held: waiting }) => [
    kind,
    isOneOf(kind, operationKinds) ? ruleOf(kind).button.ja : "",
    ...[succeeded, attention, rejected, waiting].map(showCount),
  ]);
  const right = (head: string) => ({ head, align: "right" }) as const;
  out.write(
    showTable(
      out,
      ["kind", "操作", right("succeeded"), right("with attention"), right("rejected"), right("held")],
      [...rows, ["all", "", sum("succeeded"), sum("attention"), sum("rejected"), sum("held")]],
    ),
  );
  for (const { id, question } of held) writeLine(out, `  ${id} waits for a person: ${question}`);
}

/** Every reason for a rejection, in both languages, and how often it was given. */
export function writeRejections(out: Output, { rejections }: Outcomes): void {
  writeHeading(out, "Why operations were rejected, in the words that the first of each got");
  for (const rejection of rejections) {
    const { ja, en } = sentencesOf(rejection);
    const times = rejection.count === 1 ? "once" : `${showCount(rejection.count)} times`;
    writeLine(out, `  ${paint(out, "yellow", rejection.code)}, ${times}`);
    writeLine(out, `    ${ja}`);
    writeLine(out, `    ${paint(out, "dim", en)}`);
  }
}

/** The sentences as the first who was refused read them. */
function sentencesOf({ code, detail }: RejectionCount): { readonly ja: string; readonly en: string } {
  if (!isOneOf(code, rejectionCodes)) return { ja: code, en: code };
  const rejection = { code: code satisfies RejectionCode, detail };
  return { ja: explainRejection(rejection, "ja"), en: explainRejection(rejection, "en") };
}

const attentionSentences: Readonly<Record<string, string>> = {
  refund_owed: "Stripe refused the refund for good: the money stays owed",
  refund_pending: "Stripe has taken the refund and not carried it out yet",
  refund_owed_by_hand: "paid by bank or by hand, so a person has to pay it back",
  refunded_elsewhere: "nothing was left to refund: it had been refunded at Stripe already",
  subscription_missing: "Stripe knows no such subscription: there was nothing to end",
  subscription_ended_meanwhile: "the subscription ended before it was known whether it was changed",
  payment_paid_oddly: "an invoice was paid by no single intent: a person has to find out how",
  invoice_paid_meanwhile: "an invoice was paid while the contract was ended",
  invoice_not_voided: "an invoice could not be voided",
};

export function writeAttentions(out: Output, { attentions }: Outcomes): void {
  if (attentions.length === 0) return;
  writeHeading(out, "Succeeded, with something that a person should know");
  const right = { head: "times", align: "right" } as const;
  const rows = attentions.map(({ code, count }) => [showCount(count), code, attentionSentences[code] ?? ""]);
  out.write(showTable(out, [right, "code", ""], rows));
}

/** As many as fit on a screen; the ledger has them all. */
const owedMax = 12;

/** What is owed: refunds that are neither settled nor waived. */
export function writeOwed(out: Output, { owed }: Outcomes): void {
  writeHeading(out, `What is owed: ${showCount(owed.length)} refunds, ${inYen(sumOf(owed))}`);
  const rows = owed
    .slice(0, owedMax)
    .map((refund) => [refund.contractId, refund.paymentId, inYen(refund.amountMinor), whyOwed(refund)]);
  out.write(showTable(out, ["contract", "payment", { head: "amount", align: "right" }, "why"], rows));
  if (owed.length > owedMax) writeLine(out, `  … and ${showCount(owed.length - owedMax)} more`);
}

function whyOwed({ state, refusalCode }: OwedRefund): string {
  if (state === "manual_due") return "to be paid back by hand";
  return refusalCode === null ? state : `Stripe refused: ${refusalCode}`;
}
