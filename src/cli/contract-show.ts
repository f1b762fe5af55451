import { businessDateOf } from "../contract/calendar.ts";
import { type FoundContract, readContractHistory } from "../store/read-contract-history.ts";
import { contractView, operationsShownMax } from "../views/contract-view.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { showContract } from "./show-contract.ts";
import { showInstant } from "./show-time.ts";

export interface ContractShowOptions {
  readonly contractId: string;
  /** Whether to show the customer's name and mail. */
  readonly withCustomer?: boolean;
  readonly json?: boolean;
}

/** Shows a contract: where it stands, its terms, money and licenses, and everything that was done to it. */
export async function contractShow(
  { db, out, err, config, clock }: CommandContext,
  { contractId, withCustomer = false, json = false }: ContractShowOptions,
): Promise<ExitCode> {
  const zone = config.businessTimeZone;
  const found = await readContractHistory(db, contractId, { operationsMax: operationsShownMax, withCustomer });
  if (found.type !== "found") throw notFound(contractId, found, zone);
  const { history } = found;
  const today = businessDateOf(clock.now(), zone);
  if (json) {
    const { customer } = history;
    writeJson(out, { ...contractView(history, today), ...(withCustomer ? { customer } : {}) });
    return exitCodes.done;
  }
  showContract(out, history, { zone, today });
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  if (history.contract.paymentMethod === "card") {
    writeLine(err, paint(err, "dim", `What Stripe reported of it: \`keiyaku event list --contract ${contractId}\`.`));
  }
  const leftOut = history.operationsTotal - history.operations.length;
  if (leftOut > 0) {
    const command = `keiyaku operation list --contract ${contractId} --limit ${history.operationsTotal}`;
    writeLine(err, paint(err, "dim", `${leftOut} older operations are left out: \`${command}\`.`));
  }
  return exitCodes.done;
}

function notFound(
  contractId: string,
  found: Exclude<FoundContract, { readonly type: "found" }>,
  zone: string,
): CommandFailure {
  if (found.type === "deleted") {
    return new CommandFailure(exitCodes.failed, {
      code: "contract_deleted",
      sentence: `Contract ${contractId} was deleted at ${showInstant(found.deletedAt, zone)} (${zone}).`,
      remedy: `\`keiyaku operation show ${found.operationId}\` tells what that did.`,
    });
  }
  return new CommandFailure(exitCodes.failed, {
    code: "contract_not_found",
    sentence: `There is no contract ${contractId}.`,
    remedy:
      found.operationsTotal === 0
        ? "Register it first, or check the id."
        : `${found.operationsTotal} operations name it: \`keiyaku operation list --contract ${contractId}\`.`,
  });
}
