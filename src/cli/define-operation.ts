import { type Command, Option } from "commander";
import { type OperationState, operationKinds, operationStates } from "../contract/operation.ts";
import type { Define } from "./define.ts";
import type { OperationAbandonOptions } from "./operation-abandon.ts";
import type { OperationListOptions } from "./operation-list.ts";
import type { DecisionOptions } from "./operation-retry.ts";
import type { OperationShowOptions } from "./operation-show.ts";
import { jsonOption, reasonText, wholeNumber } from "./option-values.ts";

/** `keiyaku operation list`, `show`, `retry` and `abandon`. */
export const defineOperation: Define = (parent, run) => {
  const group = parent
    .command("operation")
    .description("look at operations, decide about held ones")
    .helpCommand(false);
  group
    .command("list")
    .description("list operations, the last accepted first")
    .addOption(new Option("--state <states...>", "only in these states").choices(operationStates))
    .option("--contract <id>", "only of this contract")
    .addOption(new Option("--kind <kind>", "only of this kind").choices(operationKinds))
    .option("--limit <number>", "how many", wholeNumber, 50)
    .addOption(jsonOption())
    .action(({ contract, state, ...options }: GivenFilter) => {
      const filter = {
        ...(contract === undefined ? {} : { contractId: contract }),
        ...(state === undefined ? {} : { states: state }),
      };
      return run(async (context) =>
        (await import("./operation-list.ts")).operationList(context, { ...filter, ...options }),
      );
    });
  group
    .command("show")
    .description("show everything about an operation, its journal included")
    .argument("<operation>", "the operation's id")
    .option("--with-customer", "show the customer's name and mail in the parameters")
    .addOption(jsonOption())
    .action((operationId: string, options: Omit<OperationShowOptions, "operationId">) =>
      run(async (context) => (await import("./operation-show.ts")).operationShow(context, { operationId, ...options })),
    );
  decision(group.command("retry").description("let a held operation be tried again")).action(
    (operationId: string, options: Omit<DecisionOptions, "operationId">) =>
      run(async (context) =>
        (await import("./operation-retry.ts")).operationRetry(context, { operationId, ...options }),
      ),
  );
  decision(group.command("abandon").description("end a held operation as it is; what it did stays done"))
    .option("--yes", "do not ask for confirmation")
    .action((operationId: string, options: Omit<OperationAbandonOptions, "operationId">) =>
      run(async (context) =>
        (await import("./operation-abandon.ts")).operationAbandon(context, { operationId, ...options }),
      ),
    );
};

interface GivenFilter extends Pick<OperationListOptions, "kind" | "limit" | "json"> {
  readonly contract?: string;
  readonly state?: readonly OperationState[];
}

/** What both decisions about a held operation ask for. */
function decision(command: Command): Command {
  return command
    .argument("<operation>", "the operation's id")
    .requiredOption("--reason <text>", "why", reasonText)
    .option("--actor <operator:name>", "who decides (default: this user)")
    .addOption(jsonOption());
}
