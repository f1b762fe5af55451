import type { ContractShowOptions } from "./contract-show.ts";
import type { Define } from "./define.ts";
import { jsonOption } from "./option-values.ts";

/** `keiyaku contract show`. */
export const defineContract: Define = (parent, run) => {
  const group = parent.command("contract").description("look at contracts").helpCommand(false);
  group
    .command("show")
    .description("show a contract: status, dates, terms, money, licenses and history")
    .argument("<contract>", "the contract's id")
    .option("--with-customer", "show the customer's name and mail too")
    .addOption(jsonOption())
    .action((contractId: string, options: Omit<ContractShowOptions, "contractId">) =>
      run(async (context) => (await import("./contract-show.ts")).contractShow(context, { contractId, ...options })),
    );
};
