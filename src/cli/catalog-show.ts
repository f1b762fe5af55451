import { onlyCurrency } from "../contract/contract.ts";
import { readCustomer, readProduct } from "../store/read-catalog.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { plainText, writeJson } from "./output.ts";
import { showMoney } from "./show-money.ts";
import { showFacts } from "./show-table.ts";
import { inUtc, showInstant } from "./show-time.ts";
import { contractKindNamesJa } from "./words.ts";

export interface ProductShowOptions {
  readonly productId: string;
  readonly json?: boolean;
}

export interface CustomerShowOptions {
  readonly customerId: string;
  /** Whether to show their name and mail. */
  readonly withCustomer?: boolean;
  readonly json?: boolean;
}

/** Shows a product as it stands in the catalog. */
export async function productShow(
  { db, out, config }: CommandContext,
  { productId, json = false }: ProductShowOptions,
): Promise<ExitCode> {
  const product = await readProduct(db, productId);
  if (product === undefined) throw notFound("product", productId);
  if (json) {
    writeJson(out, inUtc(product));
    return exitCodes.done;
  }
  const at = (instant: string) => `${showInstant(instant, config.businessTimeZone)} (${config.businessTimeZone})`;
  const price = `${showMoney(product.priceMinor, onlyCurrency)}${product.kind === "monthly" ? " a month" : ""}`;
  out.write(
    showFacts(out, [
      ["product", product.id],
      ["kind", `${product.kind} ${contractKindNamesJa[product.kind]}`],
      ["access", product.access],
      ["price", price],
      ["ends by itself", product.automaticTerminationMonth ?? "never"],
      ["version", String(product.version)],
      ["known since", at(product.createdAt)],
      ["last change", at(product.updatedAt)],
    ]),
  );
  return exitCodes.done;
}

/** Shows a customer as they stand in the catalog; name and mail only when asked for. */
export async function customerShow(
  { db, out, config }: CommandContext,
  { customerId, withCustomer = false, json = false }: CustomerShowOptions,
): Promise<ExitCode> {
  const customer = await readCustomer(db, customerId, { withPersonalData: withCustomer });
  if (customer === undefined) throw notFound("customer", customerId);
  if (json) {
    const { email, name, ...rest } = inUtc(customer);
    writeJson(out, withCustomer ? { ...rest, email, name } : rest);
    return exitCodes.done;
  }
  const at = (instant: string) => `${showInstant(instant, config.businessTimeZone)} (${config.businessTimeZone})`;
  const hidden = "hidden; --with-customer shows it";
  out.write(
    showFacts(out, [
      ["customer", customer.id],
      ["name", customer.name === null ? hidden : plainText(customer.name)],
      ["mail", customer.email === null ? hidden : plainText(customer.email)],
      ["mail in", customer.locale],
      ["version", String(customer.version)],
      ["known since", at(customer.createdAt)],
      ["last change", at(customer.updatedAt)],
    ]),
  );
  return exitCodes.done;
}

function notFound(what: "product" | "customer", id: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, {
    code: `${what}_not_found`,
    sentence: `The catalog has no ${what} ${id}.`,
    remedy: `A ${what} that is still queued is not there yet; \`keiyaku ${what} put\` writes one.`,
  });
}
