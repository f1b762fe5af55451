import { paymentId } from "./billing.ts";
import { type BusinessDate, begunPeriods, businessDateOf, isRenewalDate } from "./calendar.ts";
import { finalStatuses, isOneOf, runningStatuses } from "./contract.ts";
import type { RegisterParams } from "./registering.ts";
import { type RegistrationFacts, reject } from "./rule.ts";
import type { Step } from "./step.ts";

function invalid(field: string, problem: string): Step {
  return reject("invalid_request", { field, problem });
}

/** The refusal that the first contradiction in the parameters of `register` leads to; undefined when they agree. */
export function refuseContradictions({
  params,
  catalog,
  today,
  zone,
}: RegistrationFacts<RegisterParams>): Step | undefined {
  const { kind, paymentMethod, stripe, state } = params;
  if (params.product !== undefined && params.product.id !== params.productId) {
    return invalid("params.product.id", "is another product than params.productId");
  }
  if (params.customer !== undefined && params.customer.id !== params.customerId) {
    return invalid("params.customer.id", "is another customer than params.customerId");
  }
  const product = catalog?.product ?? params.product ?? null;
  if (product === null) return invalid("params.productId", "names an unknown product; send it along as params.product");
  if (product.kind !== kind) return invalid("params.kind", `is ${kind}, but the product is ${product.kind}`);
  if (catalog?.customerKnown !== true && params.customer === undefined) {
    return invalid("params.customerId", "names an unknown customer; send it along as params.customer");
  }
  if (params.origin === "operator" && paymentMethod === "card") {
    return invalid("params.paymentMethod", "card is never arranged by an operator");
  }
  if (kind === "one_time" && (params.specialMonths > 0 || params.specialPriceMinor !== undefined)) {
    return invalid("params.specialMonths", "a one-time contract has no special months");
  }
  if (params.specialMonths > 0 !== (params.specialPriceMinor !== undefined)) {
    return invalid("params.specialPriceMinor", "special price and special months go together");
  }
  if (paymentMethod === "card") {
    const [needed, foreign] =
      kind === "monthly"
        ? (["subscriptionId", "paymentIntentId"] as const)
        : (["paymentIntentId", "subscriptionId"] as const);
    if (stripe === undefined) return reject("stripe_reference_missing", { field: "params.stripe.customerId" });
    if (stripe[needed] === undefined) return reject("stripe_reference_missing", { field: `params.stripe.${needed}` });
    if (catalog?.stripeReferenceTaken) return invalid(`params.stripe.${needed}`, "belongs to another contract");
    if (stripe[foreign] !== undefined)
      return invalid(`params.stripe.${foreign}`, `does not belong to a ${kind} contract`);
  } else if (stripe !== undefined) {
    return invalid("params.stripe", `a contract paid by ${paymentMethod} has nothing at Stripe`);
  }
  return (
    refusePayments(params, today, zone) ?? (state === undefined ? undefined : refuseState(params, state, today, zone))
  );
}

/**
 * Whether a period may be paid or unpaid already: it has begun, or is the first. By card any may, since Stripe can renew
 * some days before the date that is counted here.
 */
function isBillable({ paymentMethod, startOn }: RegisterParams, index: number, today: BusinessDate): boolean {
  return paymentMethod === "card" || index === 0 || index < begunPeriods(startOn, today).length;
}

/** Whether a contract can be reserved to end on a date: a renewal date after its start; by card whatever Stripe has. */
function mayEndOn({ startOn, paymentMethod }: RegisterParams, date: BusinessDate): boolean {
  return date > startOn && (paymentMethod === "card" || isRenewalDate(startOn, date));
}

function refusePayments(params: RegisterParams, today: BusinessDate, zone: string): Step | undefined {
  const seen = new Set<string>();
  for (const [index, payment] of params.payments.entries()) {
    const field = `params.payments.${index}`;
    if ((payment.subject === "period") !== (payment.period !== undefined)) {
      return invalid(`${field}.period`, "goes with the subject period, and only with it");
    }
    if ((payment.subject === "one_time_price") !== (params.kind === "one_time") && payment.subject !== "initial_fee") {
      return invalid(`${field}.subject`, `does not belong to a ${params.kind} contract`);
    }
    if (payment.period !== undefined && !isBillable(params, payment.period, today)) {
      return invalid(`${field}.period`, "has not begun");
    }
    if (businessDateOf(payment.paidAt, zone) > today) return invalid(`${field}.paidAt`, "lies in the future");
    const stripeField = (["stripePaymentIntentId", "stripeInvoiceId"] as const).find(
      (name) => payment[name] !== undefined,
    );
    if (params.paymentMethod !== "card" && stripeField !== undefined) {
      return invalid(`${field}.${stripeField}`, `a contract paid by ${params.paymentMethod} has nothing at Stripe`);
    }
    const key = paymentId("", payment.subject, payment.period ?? null);
    if (seen.has(key)) return invalid(field, "pays the same thing as an earlier one");
    seen.add(key);
  }
  return undefined;
}

function refuseState(
  params: RegisterParams,
  state: NonNullable<RegisterParams["state"]>,
  today: BusinessDate,
  zone: string,
): Step | undefined {
  const { status, reservation, unpaidPeriods, endedAt } = state;
  const monthlyOnly = isOneOf(status, runningStatuses) || status === "payment_unconfirmed" || status === "terminated";
  if (monthlyOnly && params.kind !== "monthly")
    return invalid("params.state.status", `${status} is for monthly contracts`);
  if (status === "established" && params.kind !== "one_time") {
    return invalid("params.state.status", "established is for one-time contracts");
  }
  // A contract by card can be suspended before its start: its first invoice may fail.
  const needsItsStart =
    isOneOf(status, ["established", ...runningStatuses]) ||
    (status === "payment_unconfirmed" && params.paymentMethod !== "card");
  if (needsItsStart && params.startOn > today) {
    return invalid("params.state.status", `${status} is for contracts that have begun`);
  }
  if (status === "special_period" && params.specialMonths === 0) {
    return invalid("params.state.status", "special_period is for contracts with special months");
  }
  if (status === "awaiting_payment" && params.payments.some(({ subject }) => subject !== "initial_fee")) {
    return invalid("params.state.status", "awaiting_payment is for contracts of which no price or period is paid");
  }
  if (isOneOf(status, finalStatuses) !== (endedAt !== undefined)) {
    return invalid("params.state.endedAt", "goes with canceled and terminated, and only with them");
  }
  if (endedAt !== undefined && businessDateOf(endedAt, zone) > today) {
    return invalid("params.state.endedAt", "lies in the future");
  }
  const mayBeReserved = status === "termination_reserved" || status === "payment_unconfirmed";
  if (reservation !== undefined && !mayBeReserved) {
    return invalid("params.state.reservation", `does not go with the status ${status}`);
  }
  if (reservation !== undefined && !mayEndOn(params, reservation.terminationOn)) {
    const field = "params.state.reservation.terminationOn";
    const dates = params.paymentMethod === "card" ? "a date" : "a renewal date";
    return invalid(field, `is not ${dates} after the start date`);
  }
  if (status === "termination_reserved" && reservation === undefined) {
    return invalid("params.state.reservation", "is missing for termination_reserved");
  }
  if ((status === "payment_unconfirmed") !== (unpaidPeriods?.length ?? 0) > 0) {
    return invalid("params.state.unpaidPeriods", "goes with payment_unconfirmed, and only with it");
  }
  const notBegun = unpaidPeriods?.find((index) => !isBillable(params, index, today));
  if (notBegun !== undefined) return invalid("params.state.unpaidPeriods", `period ${notBegun} has not begun`);
  const paidToo = unpaidPeriods?.find((index) => params.payments.some((payment) => payment.period === index));
  if (paidToo !== undefined)
    return invalid("params.state.unpaidPeriods", `period ${paidToo} is among the payments too`);
  // What is recorded last tells a later resume which periods began while the contract was suspended.
  const current = begunPeriods(params.startOn, today, reservation?.terminationOn).at(-1)?.index;
  const isTold = (index: number) =>
    unpaidPeriods?.includes(index) === true || params.payments.some((payment) => payment.period === index);
  if (
    status === "payment_unconfirmed" &&
    params.paymentMethod !== "card" &&
    current !== undefined &&
    !isTold(current)
  ) {
    return invalid("params.state.unpaidPeriods", `leaves out the current period ${current}, which no payment pays`);
  }
  return undefined;
}
