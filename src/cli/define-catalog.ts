import { type Command, InvalidArgumentError, Option } from "commander";
import { monthPattern } from "../contract/calendar.ts";
import { type ContractKind, contractKinds, type ProductAccess, productAccesses } from "../contract/contract.ts";
import type { Define } from "./define.ts";
import { jsonOption } from "./option-values.ts";

/** `keiyaku product put` and `show`. */
export const defineProduct: Define = (parent, run) => {
  const group = parent.command("product").description("put products into the catalog, look at them").helpCommand(false);
  versionOption(group.command("put").description("write a product, if this version is newer than the known one"))
    .argument("<product>", "the product's id")
    .addOption(new Option("--kind <kind>", "how it is sold").choices(contractKinds).makeOptionMandatory())
    .addOption(new Option("--access <access>", "what it opens").choices(productAccesses).makeOptionMandatory())
    .requiredOption("--price <amount>", "in the currency's minor unit, once or a month: ¥1,980 is 1980", amount)
    .option("--month <YYYY-MM>", "its contracts end by themselves in this month", month)
    .option("--no-month", "its contracts do not end by themselves")
    .addOption(jsonOption())
    .action((id: string, { kind, access, price, month: given, version, json }: GivenProduct, command: Command) => {
      if (given === undefined) command.error("error: say --month YYYY-MM or --no-month", { code: "month_missing" });
      const product = {
        id,
        kind,
        access,
        priceMinor: price,
        automaticTerminationMonth: given === false || given === undefined ? null : given,
        version,
      };
      return run(async (context) =>
        (await import("./catalog-put.ts")).productPut(context, { product, json: json === true }),
      );
    });
  group
    .command("show")
    .description("show a product")
    .argument("<product>", "the product's id")
    .addOption(jsonOption())
    .action((productId: string, options: { readonly json?: boolean }) =>
      run(async (context) => (await import("./catalog-show.ts")).productShow(context, { productId, ...options })),
    );
};

/** `keiyaku customer put` and `show`. */
export const defineCustomer: Define = (parent, run) => {
  const group = parent
    .command("customer")
    .description("put customers into the catalog, look at them")
    .helpCommand(false);
  versionOption(group.command("put").description("write a customer, if this version is newer than the known one"))
    .argument("<customer>", "the customer's id")
    .requiredOption("--email <address>", "where their mail goes")
    .requiredOption("--name <name>", "how a mail addresses them")
    .addOption(
      new Option("--locale <locale>", "the language of their mail").choices(["ja", "en"]).makeOptionMandatory(),
    )
    .addOption(jsonOption())
    .action((id: string, { json, ...fields }: GivenCustomer) =>
      run(async (context) =>
        (await import("./catalog-put.ts")).customerPut(context, { customer: { id, ...fields }, json: json === true }),
      ),
    );
  group
    .command("show")
    .description("show a customer")
    .argument("<customer>", "the customer's id")
    .option("--with-customer", "show their name and mail too")
    .addOption(jsonOption())
    .action((customerId: string, options: { readonly withCustomer?: boolean; readonly json?: boolean }) =>
      run(async (context) => (await import("./catalog-show.ts")).customerShow(context, { customerId, ...options })),
    );
};

interface GivenProduct {
  readonly kind: ContractKind;
  readonly access: ProductAccess;
  readonly price: number;
  /** False for `--no-month`. */
  readonly month?: string | false;
  readonly version: number;
  readonly json?: boolean;
}

interface GivenCustomer {
  readonly email: string;
  readonly name: string;
  readonly locale: "ja" | "en";
  readonly version: number;
  readonly json?: boolean;
}

function versionOption(command: Command): Command {
  return command.requiredOption("--version <number>", "from 1; a version that is not newer is ignored", versionNumber);
}

function versionNumber(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

function amount(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("It must be a whole number of at most 12 digits.");
  return Number(text);
}

function month(text: string): string {
  if (!monthPattern.test(text)) throw new InvalidArgumentError("It must be a month of the form YYYY-MM.");
  return text;
}
