import { notImitated } from "../core/errors.ts";
import type { Params } from "../core/params.ts";

/** The only currency here. Others have minor units, and a test that mixes them up should fail loudly. */
export const CURRENCY = "jpy";

export function readCurrency(params: Params): string {
  const currency = params.requiredText("currency").toLowerCase();
  if (currency !== CURRENCY) throw notImitated(`the currency ${currency}`, params.nameOf("currency"));
  return currency;
}
