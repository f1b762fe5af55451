import type { Config } from "../config.ts";
import type { Business } from "../store/read-operation.ts";

/** What the settings say about the business. */
export function businessOf({ businessTimeZone, moneyPolicy }: Config): Business {
  return { zone: businessTimeZone, policy: moneyPolicy };
}
