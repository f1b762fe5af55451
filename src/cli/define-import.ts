import type { Define } from "./define.ts";
import type { ImportOptions } from "./import-file.ts";
import { jsonOption, positiveSeconds } from "./option-values.ts";
import { requestsAtOnce } from "./requests-at-once.ts";

/** Longer than the sweep takes to find what nobody has rung for, so that a worker which runs has moved something. */
const patienceMsDefault = 60_000;

/** `keiyaku import FILE`. */
export const defineImport: Define = (parent, run) => {
  parent
    .command("import")
    .description("import products, customers and contracts from a file of one JSON object a line")
    .argument("<file>", "such as contracts.ndjson; products and customers stand before the contracts that name them")
    .option("--wait", "wait until the contracts are registered, and name those that are not")
    .option(
      "--patience <seconds>",
      "with --wait: give up when nothing moves for so long (default: 60)",
      positiveSeconds,
    )
    .option("--dry-run", "only check the lines; write nothing")
    .addOption(jsonOption("print lines in error and the summary as JSON, one object a line"))
    .addHelpText("after", linesHelp)
    .action((file: string, { wait = false, patience = patienceMsDefault, ...options }: GivenOptions) => {
      const waiting = wait ? { patienceMs: patience } : {};
      return run(
        async (context) => (await import("./import-file.ts")).importFile(context, { file, ...options, ...waiting }),
        { poolSize: requestsAtOnce },
      );
    });
};

interface GivenOptions extends Pick<ImportOptions, "dryRun" | "json"> {
  readonly wait?: boolean;
  /** Already in milliseconds. */
  readonly patience?: number;
}

const linesHelp = `
Lines:
  {"type": "product", "id": "magazine", "kind": "monthly", "priceMinor": 1980}
  {"type": "customer", "id": "u-1", "email": "u1@example.com", "name": "…"}
  {"type": "contract", "contractId": "c-1", "productId": "magazine", "customerId": "u-1", …}

A contract's line holds the parameters of register. What is known already is left as it is: importing a file
again is harmless, and goes on where an earlier import ended. A product or customer whose line has a "version" is
updated if that is greater than the known one; such a line has every field, since nothing is left to a default.`;
