import { CommandFailure } from "./command-failure.ts";
import { exitCodes } from "./exit-codes.ts";

/** The failure of a command that was given an operation's id which the ledger does not have. */
export function operationNotFound(operationId: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, {
    code: "operation_not_found",
    sentence: `The ledger has no operation ${operationId}.`,
    remedy: "A request that is still queued is not there yet; `keiyaku operation list` shows what is.",
  });
}
