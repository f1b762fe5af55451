import { Argument, Option } from "commander";
import { buttonKinds } from "../contract/buttons.ts";
import type { OperationKind } from "../contract/operation.ts";
import type { ButtonsOptions } from "./buttons.ts";
import type { Define } from "./define.ts";
import { collect, jsonOption, reasonText, wholeNumber } from "./option-values.ts";
import type { OwedOptions } from "./owed.ts";
import type { PreviewOptions } from "./preview.ts";

/** `keiyaku buttons`, `preview` and `owed`: what may be asked, what it would do, and what is still to be given back. */
export const defineLookingAhead: Define = (parent, run) => {
  parent
    .command("buttons")
    .description("show which operations a contract offers now, and why not the others")
    .argument("<contract>", "the contract's id")
    .option("--actor <type:name>", "to whom, such as customer:c-17 (default: this user as operator)")
    .addOption(jsonOption())
    .action((contractId: string, options: Omit<ButtonsOptions, "contractId">) =>
      run(async (context) => (await import("./buttons.ts")).buttons(context, { contractId, ...options })),
    );
  parent
    .command("preview")
    .description("show what an operation would do, without doing it")
    .addArgument(new Argument("<kind>", "what would be done").choices(["register", ...buttonKinds]))
    .argument("<contract>", "the contract's id")
    .option("--actor <type:name>", "who would ask (default: this user as operator)")
    .option("--reason <text>", "why", reasonText)
    .addOption(new Option("--params <json>", "the parameters as a JSON object").conflicts("param"))
    .option("--param <key=value>", "one parameter, repeatable; the value is JSON, or else text", collect, undefined)
    .addOption(jsonOption())
    .action((kind: OperationKind, contractId: string, options: Omit<PreviewOptions, "kind" | "contractId">) =>
      run(async (context) => (await import("./preview.ts")).preview(context, { kind, contractId, ...options }), {
        stripe: true,
      }),
    );
  parent
    .command("owed")
    .description("list the refunds that somebody still has to give, and their sum")
    .option("--contract <id>", "only of this contract")
    .option("--limit <number>", "how many", wholeNumber, 50)
    .addOption(jsonOption())
    .action(({ contract, ...options }: Omit<OwedOptions, "contractId"> & { readonly contract?: string }) =>
      run(async (context) =>
        (await import("./owed.ts")).owed(context, {
          ...options,
          ...(contract === undefined ? {} : { contractId: contract }),
        }),
      ),
    );
};
