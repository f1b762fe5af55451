import { boundary } from "../billing/periods.ts";
import { invalidRequest, notImitated } from "../core/errors.ts";
import type { Params } from "../core/params.ts";
import type { StoredSubscription } from "../core/stored.ts";
import type { Recurrence } from "../objects/price.ts";

type AnchorConfig = NonNullable<StoredSubscription["billing_cycle_anchor_config"]>;

/** Where the billing cycle is anchored: at a moment, at the next day that fits, or by itself. */
export type AnchorInput =
  | { readonly type: "moment"; readonly at: number }
  | { readonly type: "config"; readonly config: AnchorConfig }
  | { readonly type: "none" };

export const ANCHOR_PARAMS = [
  "billing_cycle_anchor",
  "billing_cycle_anchor_config[day_of_month]",
  "billing_cycle_anchor_config[month]",
  "billing_cycle_anchor_config[hour]",
  "billing_cycle_anchor_config[minute]",
  "billing_cycle_anchor_config[second]",
] as const;

const CONFIG = "billing_cycle_anchor_config";

export function readAnchor(params: Params): AnchorInput {
  const at = params.integer("billing_cycle_anchor", 0);
  if (at !== undefined) return { type: "moment", at };
  if (!params.has(CONFIG)) return { type: "none" };
  const config = params.map(CONFIG);
  const day = config.integer("day_of_month", 1, 31);
  if (day === undefined) throw config.missing("day_of_month");
  return {
    type: "config",
    config: {
      day_of_month: day,
      month: config.integer("month", 1, 12) ?? null,
      hour: config.integer("hour", 0, 23) ?? null,
      minute: config.integer("minute", 0, 59) ?? null,
      second: config.integer("second", 0, 59) ?? null,
    },
  };
}

/** The anchor, or null for one that follows from the beginning. Throws for one that does not lie in the first interval. */
export function anchorOf(input: AnchorInput, recurrence: Recurrence, now: number): number | null {
  if (input.type === "none") return null;
  if (input.type === "config") return nextFitting(input.config, recurrence, now);
  const natural = boundary(now, recurrence, 1);
  if (input.at > now && input.at <= natural) return input.at;
  throw invalidRequest("billing_cycle_anchor must lie in the future, and not after the next natural billing date.", {
    param: "billing_cycle_anchor",
  });
}

/** The next moment that the config names, in UTC; parts that it leaves out are those of now. */
function nextFitting(config: AnchorConfig, recurrence: Recurrence, now: number): number {
  if (recurrence.interval !== "month" && recurrence.interval !== "year") {
    throw invalidRequest(`${CONFIG} is for monthly and yearly prices.`, { param: CONFIG });
  }
  const moment = new Date(now * 1000);
  const hour = config.hour ?? moment.getUTCHours();
  const minute = config.minute ?? moment.getUTCMinutes();
  const second = config.second ?? moment.getUTCSeconds();
  for (let month = moment.getUTCMonth(); ; month += 1) {
    const at = new Date(Date.UTC(moment.getUTCFullYear(), month, config.day_of_month, hour, minute, second));
    const first = new Date(Date.UTC(moment.getUTCFullYear(), month, 1));
    if (config.month !== null && first.getUTCMonth() !== config.month - 1) continue;
    const isClipped = at.getUTCMonth() !== first.getUTCMonth();
    // Its boundaries could not be counted from such an anchor.
    if (isClipped) throw notImitated("an anchor on a day that its first month lacks", CONFIG);
    if (at.getTime() > moment.getTime()) return at.getTime() / 1000;
  }
}
