import { licenseOnPaid, newPeriodPayment, paymentId, type Terms } from "../billing.ts";
import { type BusinessDate, periodOn } from "../calendar.ts";
import type { Change, NewPayment, Registration } from "../change.ts";
import { statusOncePaid } from "../confirming.ts";
import { isOneOf } from "../contract.ts";
import { refuseContradictions } from "../contradictions.ts";
import { type RegisterParams, registerParams } from "../registering.ts";
import { type RegistrationFacts, type RegistrationRule, settle, staff } from "../rule.ts";

/**
 * Brings a contract into being, as it is agreed, or as it stands in the system that it comes from. Without a given state
 * it waits for its payment; payments that come along put it where `confirm_payment` would.
 */
export const register: RegistrationRule<typeof registerParams> = {
  kind: "register",
  subject: "new_contract",
  button: { ja: "登録", en: "Register" },
  summary: {
    ja: "契約を登録します。他のシステムで続いている契約は、その状態のまま引き継ぎます。",
    en: "The contract exists, as it was agreed, or as it stands in the system that it comes from.",
  },
  actors: staff,
  params: registerParams,
  next(facts) {
    const refusal = refuseContradictions(facts);
    if (refusal !== undefined) return refusal;
    const { params } = facts;
    const contract = contractOf(facts);
    const newPayments = purchaseHistory(contract, facts);
    const hasOpened = contract.startOn <= facts.today && !isOneOf(contract.status, statusesThatOpenNothing);
    const opened = hasOpened ? newPayments.filter((row) => row.state === "paid") : [];
    return settle({
      registration: {
        contract,
        product: params.product ?? null,
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

function contractOf({ operation, params, today }: RegistrationFacts<RegisterParams>): Registration["contract"] {
  const terms: Omit<Registration["contract"], "status"> = {
    id: operation.contractId,
    productId: params.productId,
    customerId: params.customerId,
    kind: params.kind,
    paymentMethod: params.paymentMethod,
    origin: params.origin,
    currency: params.currency,
    priceMinor: params.priceMinor,
    initialFeeMinor: params.initialFeeMinor,
    specialPriceMinor: params.specialPriceMinor ?? null,
    specialMonths: params.specialMonths,
    startOn: params.startOn,
    terminationOn: params.state?.reservation?.terminationOn ?? null,
    terminationSource: params.state?.reservation?.terminationSource ?? null,
    terminationAskedBy: null,
    endedAt: params.state?.endedAt ?? null,
    stripeCustomerId: params.stripe?.customerId ?? null,
    stripeSubscriptionId: params.stripe?.subscriptionId ?? null,
    formerStripeSubscriptionIds: [],
    stripePaymentIntentId: params.stripe?.paymentIntentId ?? null,
  };
  return { ...terms, status: params.state?.status ?? statusByPayments(terms, params, today) };
}

/** Nothing paid: it waits. The one-time price, or any period or fee of a monthly one: as `confirm_payment` puts it. */
function statusByPayments(
  contract: Omit<Registration["contract"], "status">,
  { payments, kind }: RegisterParams,
  today: BusinessDate,
) {
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
  { params, today }: RegistrationFacts<RegisterParams>,
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
function unpaidIndexes(
  contract: Registration["contract"],
  params: RegisterParams,
  today: BusinessDate,
): readonly number[] {
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
