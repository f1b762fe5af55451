import { onlyCurrency } from "../contract/contract.ts";
import { listOwedRefunds, type OwedRefund } from "../store/list-owed-refunds.ts";
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

/** Lists every refund that somebody still has to give, the longest owed first, and how much it is in all. */
export async function owed(
  { db, out, err, config }: CommandContext,
  { limit, contractId, json = false }: OwedOptions,
): Promise<ExitCode> {
  const { refunds, total } = await listOwedRefunds(db, { limit, contractId });
  if (json) {
    writeJson(out, { refunds, total });
    return exitCodes.done;
  }
  const zone = config.businessTimeZone;
  const rows = refunds.map((refund) => [
    showInstant(refund.owedSince, zone),
    showAge(refund.ageSeconds),
    showMoney(refund.amountMinor, refund.currency),
    wayOf(refund),
    refund.isDeleted ? `${refund.contractId} (deleted)` : refund.contractId,
    refund.customerId ?? "–",
    plainText(refund.id, 120),
  ]);
  const columns = [
    "owed since",
    "for",
    { head: "amount", align: "right" },
    "how",
    "contract",
    "customer",
    "refund",
  ] as const;
  out.write(showTable(out, columns, rows));
  writeLine(
    out,
    `  ${paint(out, "bold", showMoney(total.amountMinor, onlyCurrency))} owed in ${total.count.toLocaleString("en")} ${total.count === 1 ? "refund" : "refunds"}`,
  );
  if (refunds.length < total.count) {
    writeLine(err, paint(err, "dim", `These are the ${refunds.length} longest owed; --limit shows more.`));
  }
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  return exitCodes.done;
}

/** What keeps it from being settled: a person has to pay, Stripe refused it, it failed there, or it was never sent. */
function wayOf({ state, by, refusalCode }: OwedRefund): string {
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
