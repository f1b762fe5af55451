import { Option } from "commander";
import type { AuditOptions } from "./audit.ts";
import type { Define } from "./define.ts";
import { jsonOption } from "./option-values.ts";
import type { ReconcileOptions } from "./reconcile.ts";

/** `keiyaku reconcile` and `audit`: our books held against Stripe's, and against themselves. */
export const defineBooks: Define = (parent, run) => {
  parent
    .command("reconcile")
    .description(
      "hold every contract by card against Stripe: 0 equal, 1 differences, 3 not everything could be looked at",
    )
    .option("--contract <id>", "only this contract")
    .option("--repair", "ask for the operations that put right what is safe, and leave the rest as a list")
    .addOption(
      new Option("--with-refunds", "as --repair, and ask for those that give money back, too").implies({
        repair: true,
      }),
    )
    .addOption(new Option("--resume", "go on with the last one that was interrupted").conflicts("contract"))
    .addOption(jsonOption("print each difference as a line of JSON, and a summary as the last"))
    .action(({ contract, ...options }: Omit<ReconcileOptions, "contractId"> & { readonly contract?: string }) =>
      run(
        async (context) =>
          (await import("./reconcile.ts")).reconcile(context, {
            ...options,
            ...(contract === undefined ? {} : { contractId: contract }),
          }),
        { stripe: true },
      ),
    );
  parent
    .command("audit")
    .description("check on our own tables what must always hold: 0 it does, 1 violations")
    .option("--resume", "go on with the last one that was interrupted")
    .addOption(jsonOption())
    .action((options: AuditOptions) => run(async (context) => (await import("./audit.ts")).audit(context, options)));
};
