import { type BusinessDate, nextRenewalAfter, periodNearest, periodOn, renewalDate } from "./calendar.ts";
import type { Contract, Product } from "./contract.ts";
import { isProductsLastDate, reachesProductMonth } from "./reserving.ts";
import { isRunning } from "./rule.ts";

/** What lies ahead of a contract, and why. `on` is null for an end of which nobody knows the day. */
export interface Expectation {
  readonly on: BusinessDate | null;
  readonly what: "start" | "renew" | "end_special_period" | "end";
  readonly why: ExpectationReason;
}

/**
 * `start_date`, `renewal_date` and `special_months`: by its terms. `asked_for`: a person reserved the end; `stripe`: it was
 * reserved there; `product_month`: the product ends then, whether the reservation stands already or will be made. `unpaid`: it is
 * suspended, and ends when Stripe's retries are used up, or a person says so, unless it is paid.
 */
export const expectationReasons = [
  "start_date",
  "renewal_date",
  "special_months",
  "asked_for",
  "stripe",
  "product_month",
  "unpaid",
] as const;
export type ExpectationReason = (typeof expectationReasons)[number];

/**
 * What the days after `today` up to `until` will bring to a contract that nobody touches meanwhile, by our own rows and the calendar;
 * by card Stripe's boundary may lie some days beside it. What is overdue today is expected on its own date.
 */
export function expectationsOf(
  contract: Contract,
  product: Product,
  { today, until }: { readonly today: BusinessDate; readonly until: BusinessDate },
): readonly Expectation[] {
  const { status, startOn, kind } = contract;
  const expected: Expectation[] = [];
  const isToStart = status === "not_started";
  if (isToStart && startOn <= until) expected.push({ on: startOn, what: "start", why: "start_date" });
  if (kind !== "monthly") return expected;

  const end = endOf(contract, product, today);
  if (end !== null && end.on <= until) expected.push({ ...end, what: "end" });
  else if (status === "payment_unconfirmed") expected.push({ on: null, what: "end", why: "unpaid" });

  if (isToStart || isRunning(contract)) {
    const endsOn = end === null || end.why === "stripe" ? end?.on : periodNearest(startOn, end.on).startsOn;
    const isBefore = (on: BusinessDate) => on <= until && (endsOn === undefined || on < endsOn);
    for (let n = (periodOn(startOn, today)?.index ?? 0) + 1; isBefore(renewalDate(startOn, n)); n += 1) {
      const on = renewalDate(startOn, n);
      if (n === contract.specialMonths && status !== "termination_reserved") {
        expected.push({ on, what: "end_special_period", why: "special_months" });
      }
      expected.push({ on, what: "renew", why: "renewal_date" });
    }
  }
  return expected.toSorted((a, b) => compare(a.on, b.on));
}

/** The day on which it ends by a reservation, or by its product's month; null while there is none. */
function endOf(
  contract: Contract,
  product: Product,
  today: BusinessDate,
): { readonly on: BusinessDate; readonly why: ExpectationReason } | null {
  const byProduct = productEndOf(contract, product, today);
  const { terminationOn, terminationSource, terminationAskedBy } = contract;
  // Of a reservation by a month that was cleared or moved later only somebody's own wish remains.
  const isOutlived = terminationSource === "product_month" && terminationOn !== null && terminationOn !== byProduct;
  const by = isOutlived && !reachesProductMonth(product, terminationOn) ? terminationAskedBy : terminationSource;
  // What the product's month has reserved stands, on the date that Stripe has where that lies beside ours.
  if (terminationOn !== null && by === "product_month") return { on: terminationOn, why: by };
  if (terminationOn === null || by === null || (byProduct !== null && byProduct < terminationOn)) {
    return byProduct === null ? null : { on: byProduct, why: "product_month" };
  }
  if (terminationOn === byProduct) return { on: terminationOn, why: "product_month" };
  return { on: terminationOn, why: by === "person" ? "asked_for" : "stripe" };
}

/** The first renewal date ahead that lies in the product's month or later. */
function productEndOf(contract: Contract, product: Product, today: BusinessDate): BusinessDate | null {
  const month = product.automaticTerminationMonth;
  if (month === null || contract.origin !== "application" || contract.status === "awaiting_payment") return null;
  const from = `${month}-01` as BusinessDate;
  const world = { contract, product, payments: [], refunds: [], licenses: [] };
  const next = nextRenewalAfter(contract.startOn, today);
  if (isProductsLastDate(world, next)) return next;
  // The month lies ahead: its first renewal is the one after the day before it, or the first of all.
  const inMonth = periodOn(contract.startOn, from);
  if (inMonth === undefined) return renewalDate(contract.startOn, 1);
  return inMonth.startsOn === from && inMonth.index > 0 ? from : inMonth.endsOn;
}

function compare(a: BusinessDate | null, b: BusinessDate | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  return b === null || a < b ? -1 : 1;
}
