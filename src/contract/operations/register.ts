import { z } from "zod";
import { licenseOnPaid, newPeriodPayment, paymentId, type Terms } from "../billing.ts";
import {
  type BusinessDate,
  type BusinessMonth,
  begunPeriods,
  businessDateOf,
  parseBusinessDate,
  parseInstant,
  periodOn,
} from "../calendar.ts";
import type { Change, NewPayment, Registration } from "../change.ts";
import { statusOncePaid } from "../confirming.ts";
import {
  type Contract,
  contractKinds,
  contractOrigins,
  contractStatuses,
  finalStatuses,
  isOneOf,
  paymentMethods,
  paymentSubjects,
  productAccesses,
  reservationSources,
  runningStatuses,
} from "../contract.ts";
import { idPattern } from "../operation.ts";
import { type RegistrationFacts, type RegistrationRule, reject, settle, staff } from "../rule.ts";
import type { Step } from "../step.ts";

/** The largest amount that Stripe takes in any currency has twelve digits. */
const amountMinorMax = 999_999_999_999;

const id = z.string().regex(idPattern, "must be 1 to 64 letters, digits, '.', '_' or '-'");
const amountMinor = z.int().min(0).max(amountMinorMax);
const stripeId = z.string().min(1).max(255);
const instant = z.iso.datetime({ offset: true }).transform(parseInstant);
const month = z
  .string()
  .regex(/^\d{4}-(0[1-9]|1[0-2])$/, "must be a month of the form YYYY-MM")
  .transform((text) => text as BusinessMonth);
const date = z.string().transform((text, context): BusinessDate => {
  try {
    return parseBusinessDate(text);
  } catch {
    context.addIssue({ code: "custom", message: "must be an existing date of the form YYYY-MM-DD" });
    return z.NEVER;
  }
});

/** A product as `register` or an import file brings it. */
export const productSchema = z.strictObject({
  id,
  kind: z.enum(contractKinds),
  access: z.enum(productAccesses).default("per_period"),
  priceMinor: amountMinor,
  automaticTerminationMonth: month.nullable().default(null),
});

/** A customer as `register` or an import file brings it: the only personal data that keiyaku keeps. */
export const customerSchema = z.strictObject({
  id,
  email: z.email().max(320),
  name: z.string().min(1).max(200),
  locale: z.enum(["ja", "en"]).default("ja"),
});

const paymentSchema = z.strictObject({
  subject: z.enum(paymentSubjects),
  period: z.int().min(0).max(1_200).optional(),
  amountMinor: amountMinor.optional(),
  paidAt: instant,
  stripePaymentIntentId: stripeId.optional(),
  stripeInvoiceId: stripeId.optional(),
});

const stateSchema = z.strictObject({
  status: z.enum(contractStatuses),
  reservation: z.strictObject({ terminationOn: date, terminationSource: z.enum(reservationSources) }).optional(),
  unpaidPeriods: z.array(z.int().min(0).max(1_200)).max(600).optional(),
  endedAt: instant.optional(),
});

/**
 * The parameters of `register`: the terms of the contract, what has been paid for it so far, and, for one that is brought
 * over from another system, the state in which it stands there.
 */
export const registerParams = z.strictObject({
  productId: id,
  customerId: id,
  product: productSchema.optional(),
  customer: customerSchema.optional(),
  kind: z.enum(contractKinds),
  paymentMethod: z.enum(paymentMethods),
  origin: z.enum(contractOrigins).default("application"),
  currency: z.literal("jpy").default("jpy"),
  priceMinor: amountMinor,
  initialFeeMinor: amountMinor.default(0),
  specialPriceMinor: amountMinor.optional(),
  specialMonths: z.int().min(0).max(120).default(0),
  startOn: date,
  stripe: z
    .strictObject({
      customerId: stripeId,
      subscriptionId: stripeId.optional(),
      paymentIntentId: stripeId.optional(),
    })
    .optional(),
  signup: z.strictObject({ appliedAt: instant, channel: z.string().min(1).max(64) }).optional(),
  payments: z.array(paymentSchema).max(1_300).default([]),
  state: stateSchema.optional(),
});
type Params = z.infer<typeof registerParams>;

/**
 * Brings a contract into being, as it is agreed, or as it stands in the system that it comes from. Without a given state
 * it waits for its payment; payments that come along put it where `confirm_payment` would.
 */
export const register: RegistrationRule<typeof registerParams> = {
  kind: "register",
  subject: "new_contract",
  button: { ja: "登録", en: "Register" },
  actors: staff,
  params: registerParams,
  next(facts) {
    const refusal = refuse(facts);
    if (refusal !== undefined) return refusal;
    const { params } = facts;
    const contract = contractOf(facts);
    const newPayments = purchaseHistory(contract, facts);
    const hasOpened = contract.startOn <= facts.today && !isOneOf(contract.status, statusesThatOpenNothing);
    const opened = hasOpened ? newPayments.filter((row) => row.state === "paid") : [];
    return settle({
      registration: {
        contract,
        product: productOf(params),
        customer: params.customer ?? null,
        signup: params.signup ?? null,
      },
      newPayments,
      licenses: opened.flatMap((row) => licenseOnPaid(row, [])),
    } satisfies Change);
  },
};

/** In these statuses nothing can be viewed, whatever has been paid: not yet, or not any more. */
const statusesThatOpenNothing = ["awaiting_payment", "not_started", "canceled"] as const;

function invalid(field: string, problem: string): Step {
  return reject("invalid_request", { field, problem });
}

/** The first contradiction in the parameters, or undefined. */
function refuse({ params, catalog, today, zone }: RegistrationFacts<Params>): Step | undefined {
  const { kind, paymentMethod, stripe, state } = params;
  if (params.product !== undefined && params.product.id !== params.productId) {
    return invalid("params.product.id", "is another product than params.productId");
  }
  if (params.customer !== undefined && params.customer.id !== params.customerId) {
    return invalid("params.customer.id", "is another customer than params.customerId");
  }
  const product = catalog?.product ?? productOf(params);
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
function isBillable({ paymentMethod, startOn }: Params, index: number, today: BusinessDate): boolean {
  return paymentMethod === "card" || index === 0 || index < begunPeriods(startOn, today).length;
}

function refusePayments(params: Params, today: BusinessDate, zone: string): Step | undefined {
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
  params: Params,
  state: NonNullable<Params["state"]>,
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
  return undefined;
}

function productOf(params: Params): Registration["product"] {
  return params.product ?? null;
}

function contractOf({ operation, params, today }: RegistrationFacts<Params>): Registration["contract"] {
  const contract: Contract = {
    id: operation.contractId,
    productId: params.productId,
    customerId: params.customerId,
    kind: params.kind,
    paymentMethod: params.paymentMethod,
    origin: params.origin,
    status: "awaiting_payment",
    currency: params.currency,
    priceMinor: params.priceMinor,
    initialFeeMinor: params.initialFeeMinor,
    specialPriceMinor: params.specialPriceMinor ?? null,
    specialMonths: params.specialMonths,
    startOn: params.startOn,
    terminationOn: params.state?.reservation?.terminationOn ?? null,
    terminationSource: params.state?.reservation?.terminationSource ?? null,
    endedAt: params.state?.endedAt ?? null,
    stripeCustomerId: params.stripe?.customerId ?? null,
    stripeSubscriptionId: params.stripe?.subscriptionId ?? null,
    stripePaymentIntentId: params.stripe?.paymentIntentId ?? null,
    version: 1,
  };
  const { version: _, ...registered } = contract;
  return { ...registered, status: params.state?.status ?? statusByPayments(contract, params, today) };
}

/** Nothing paid: it waits. The one-time price, or any period or fee of a monthly one: as `confirm_payment` puts it. */
function statusByPayments(contract: Contract, { payments, kind }: Params, today: BusinessDate) {
  const isPaid =
    kind === "one_time" ? payments.some(({ subject }) => subject === "one_time_price") : payments.length > 0;
  if (!isPaid) return "awaiting_payment";
  return statusOncePaid(
    contract,
    today,
    payments.flatMap(({ period }) => period ?? []),
  );
}

/** The rows that the purchase history begins with: what was paid, what is known to be unpaid, and what is due. */
function purchaseHistory(
  contract: Registration["contract"],
  { params, today }: RegistrationFacts<Params>,
): readonly NewPayment[] {
  const paid = params.payments.map((payment): NewPayment => {
    const period = payment.period ?? null;
    const row = newRow(contract, payment.subject, period);
    return {
      ...row,
      amountMinor: payment.amountMinor ?? row.amountMinor,
      state: "paid",
      paidAt: payment.paidAt,
      stripePaymentIntentId: payment.stripePaymentIntentId ?? contract.stripePaymentIntentId,
      stripeInvoiceId: payment.stripeInvoiceId ?? null,
    };
  });
  const unpaid = unpaidIndexes(contract, params, today).map((index) =>
    newPeriodPayment(contract, index, { state: "unpaid" }),
  );
  const isWaiting = contract.status === "awaiting_payment";
  const known = new Set([...paid, ...unpaid].map((row) => row.id));
  const due = isWaiting ? dueRows(contract).filter((row) => !known.has(row.id)) : [];
  return [...paid, ...unpaid, ...due];
}

/** Periods known to be unpaid: those that the state names, or the begun ones of a contract whose payments leave a gap. */
function unpaidIndexes(contract: Registration["contract"], params: Params, today: BusinessDate): readonly number[] {
  if (params.state !== undefined) return [...new Set(params.state.unpaidPeriods ?? [])];
  if (contract.status !== "payment_unconfirmed") return [];
  const current = periodOn(contract.startOn, today)?.index ?? -1;
  const paid = new Set(params.payments.flatMap(({ period }) => period ?? []));
  return Array.from({ length: current + 1 }, (_, index) => index).filter((index) => !paid.has(index));
}

/** What a contract that waits for its payment owes first: the initial fee, and the price or period 0. */
function dueRows(contract: Registration["contract"]): readonly NewPayment[] {
  const price = contract.kind === "one_time" ? newRow(contract, "one_time_price", null) : newRow(contract, "period", 0);
  return contract.initialFeeMinor > 0 ? [newRow(contract, "initial_fee", null), price] : [price];
}

function newRow(terms: Terms, subject: NewPayment["subject"], period: number | null): NewPayment {
  if (period !== null) return newPeriodPayment(terms, period, { state: "due" });
  return {
    id: paymentId(terms.id, subject, null),
    subject,
    period: null,
    startsOn: null,
    amountMinor: subject === "initial_fee" ? terms.initialFeeMinor : terms.priceMinor,
    state: "due",
    paidAt: null,
    stripePaymentIntentId: null,
    stripeInvoiceId: null,
  };
}
