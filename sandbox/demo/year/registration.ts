import type { ParamsOf, TypedRequest } from "../../../src/client.ts";
import type { SubscribedAtStripe } from "../months/shop-at-stripe.ts";
import { type DemoDay, resolveDates } from "../notation.ts";
import type { YearContract } from "./contracts.ts";
import type { YearDates } from "./year-dates.ts";

type Params = ParamsOf<"register">;

/**
 * The registration of a contract as it stands on its day. By card all else comes from Stripe; another one is said to be paid for,
 * and to run, since by today's date it would long be suspended.
 */
export function registrationOf(
  contract: YearContract,
  dates: YearDates,
  day: DemoDay,
  stripe: SubscribedAtStripe | undefined,
): TypedRequest<"register"> {
  const { contractId, customer, product, method, specialMonths, hasFee = false } = contract;
  const { name: _, specialPriceMinor, initialFeeMinor, ...sold } = resolveDates(product, day);
  return {
    id: `year-${contractId}-register`,
    kind: "register",
    contractId,
    actor: { type: "service", id: "shop" },
    params: {
      productId: product.id,
      product: sold,
      customerId: customer.id,
      customer,
      kind: product.kind,
      paymentMethod: method,
      origin: method === "other" ? "operator" : "application",
      priceMinor: product.priceMinor,
      ...(specialMonths === undefined ? {} : { specialMonths, specialPriceMinor }),
      ...(hasFee ? { initialFeeMinor } : {}),
      startOn: dates.startOf(contract).toString(),
      ...(stripe === undefined ? standingOf(contract, dates) : { stripe }),
    },
  };
}

function standingOf(contract: YearContract, dates: YearDates): Pick<Params, "payments" | "state"> {
  const { product, registeredOn, specialMonths, hasFee, reservedFor, startsOn } = contract;
  const paidAt = dates
    .noonOf(dates.of(contract, registeredOn ?? "start"))
    .toInstant()
    .toString();
  const payment =
    hasFee === true
      ? ({ subject: "initial_fee", paidAt } as const)
      : product.kind === "one_time"
        ? ({ subject: "one_time_price", paidAt } as const)
        : ({ subject: "period", period: 0, paidAt } as const);
  if (registeredOn !== undefined && registeredOn !== startsOn) {
    return { payments: [payment], state: { status: "not_started" } };
  }
  if (reservedFor === undefined) {
    return { payments: [payment], state: { status: specialMonths === undefined ? "active" : "special_period" } };
  }
  const terminationOn = dates.of(contract, reservedFor).toString();
  const reservation = { terminationOn, terminationSource: "person" } as const;
  return { payments: [payment], state: { status: "termination_reserved", reservation } };
}
