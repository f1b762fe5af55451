import { onlyCurrency } from "../contract/contract.ts";
import { listOwedRefunds, type OwedRefund, type RefundOnItsWay } from "../store/list-owed-refunds.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { showMoney } from "./show-money.ts";
import { showTable } from "./show-table.ts";
import { showInstant } from "./show-time.ts";

export interface OwedOptions {
  readonly limit: number;
  readonly contractId?: string;
  readonly json?: boolean;
}

/**
 * Lists every refund that somebody still has to give, the longest owed first, and how much it is in all; and apart those that
 * Stripe has been told to make and has not made yet, which may take days and may fail.
 */
export async function owed(
  { db, out, err, config }: CommandContext,
  { limit, contractId, json = false }: OwedOptions,
): Promise<ExitCode> {
  const { refunds, total, onTheirWay } = await listOwedRefunds(db, { limit, contractId });
  if (json) {
    writeJson(out, { refunds, total, onTheirWay });
    return exitCodes.done;
  }
  const zone = config.businessTimeZone;
  out.write(showTable(out, columns, rowsOf(refunds, zone)));
  writeLine(out, `  ${paint(out, "bold", showMoney(total.amountMinor, onlyCurrency))} owed in ${countOf(total)}`);
  if (onTheirWay.total.count > 0) {
    writeLine(out, "");
    out.write(showTable(out, columns, rowsOf(onTheirWay.refunds, zone)));
    const sum = showMoney(onTheirWay.total.amountMinor, onlyCurrency);
    writeLine(
      out,
      `  ${paint(out, "bold", sum)} on their way at Stripe in ${countOf(onTheirWay.total)}, not counted above`,
    );
  }
  if (refunds.length < total.count) {
    writeLine(err, paint(err, "dim", `These are the ${refunds.length} longest owed; --limit shows more.`));
  }
  if (onTheirWay.refunds.length < onTheirWay.total.count) {
    const shown = `Of those on their way these are the ${onTheirWay.refunds.length} oldest; --limit shows more.`;
    writeLine(err, paint(err, "dim", shown));
  }
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  return exitCodes.done;
}

const columns = [
  "owed since",
  "for",
  { head: "amount", align: "right" },
  "how",
  "contract",
  "customer",
  "refund",
] as const;

function rowsOf(refunds: readonly (OwedRefund | RefundOnItsWay)[], zone: string): readonly (readonly string[])[] {
  return refunds.map((refund) => [
    showInstant(refund.owedSince, zone),
    showAge(refund.ageSeconds),
    showMoney(refund.amountMinor, refund.currency),
    wayOf(refund),
    refund.isDeleted ? `${refund.contractId} (deleted)` : refund.contractId,
    refund.customerId ?? "–",
    plainText(refund.id, 120),
  ]);
}

function countOf({ count }: { readonly count: number }): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "refund" : "refunds"}`;
}

/** What keeps it from being settled: a person has to pay, Stripe refused it, it failed there, or it was never sent. */
function wayOf({ state, by, refusalCode }: OwedRefund | RefundOnItsWay): string {
  if (by === "hand") return "by hand";
  if (refusalCode !== null) return `refused by Stripe: ${refusalCode}`;
  return state === "due" ? "not sent to Stripe" : `${state} at Stripe`;
}

function showAge(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  if (days > 0) return `${days} d`;
  const hours = Math.floor(seconds / 3_600);
  return hours > 0 ? `${hours} h` : `${Math.floor(seconds / 60)} min`;
}
