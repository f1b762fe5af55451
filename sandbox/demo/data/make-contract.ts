import type { ParamsOf } from "../../../src/client.ts";
import { type DemoProduct, productNamed, productsOf } from "./catalog.ts";
import { type Payment, type PlannedContract, type Role, stripeIds } from "./planned-contract.ts";
import type { Random } from "./random.ts";

type Params = ParamsOf<"register">;
type Method = Params["paymentMethod"];

/** What is known of a contract before it is made. What is left out is chosen at random, or absent. */
export interface Draft {
  readonly id: string;
  readonly role: Role;
  readonly customerId: string;
  readonly method: Method;
  readonly productId?: string;
}

/** How far a monthly contract has come: it began `months` ago and so many days before, or `days` from now. */
export type Age =
  | { readonly type: "began"; readonly months: number; readonly days: number }
  | { readonly type: "began_month_end"; readonly months: number }
  | { readonly type: "began_day_of_today"; readonly months: number }
  | { readonly type: "ahead"; readonly days: number };

/** Days after a renewal that keep clear of the next one however long the months are. */
export function someAge(random: Random, monthsMax = 9): Age {
  return { type: "began", months: random.between(0, monthsMax), days: random.between(4, 24) };
}

function startOf(age: Age): string {
  switch (age.type) {
    case "began":
      return `today${age.months === 0 ? "" : `-${age.months}m`}-${age.days}d`;
    case "began_month_end":
      return `monthend-${age.months}m`;
    case "began_day_of_today":
      return `today-${age.months}m`;
    case "ahead":
      return `today+${age.days}d`;
  }
}

/** How many periods have surely begun. Where today decides about one more, it is left out. */
function begunOf(age: Age): number {
  if (age.type === "ahead") return 0;
  return age.type === "began" ? age.months + 1 : age.months;
}

const channels = ["申し込みページ", "申し込みページ", "申し込みページ", "LINE", "電話", "campaign-autumn"] as const;

function common(random: Random, draft: Draft, product: DemoProduct, startOn: string): Params {
  const byHand = draft.method === "other";
  const appliedAt = startOn.startsWith("today+") ? "today-4d 20:15" : "start-3d 20:15";
  return {
    productId: product.id,
    customerId: draft.customerId,
    kind: product.kind,
    paymentMethod: draft.method,
    ...(byHand ? { origin: "operator" } : {}),
    priceMinor: product.priceMinor,
    startOn,
    ...(byHand ? {} : { signup: { appliedAt, channel: random.pick(channels) } }),
  };
}

/** A one-time contract: unpaid, or paid some days ago. By card one payment intent pays price and fee together. */
export function makeCourse(
  random: Random,
  draft: Draft,
  terms: {
    /** Days from today to the start; negative for one that has begun. */
    readonly startsIn: number;
    readonly isPaid: boolean;
    readonly hasFee?: boolean;
    readonly state?: Params["state"];
  },
): PlannedContract {
  const { startsIn, isPaid, hasFee = false, state } = terms;
  const product = hasFee
    ? productNamed("bookkeeping")
    : draft.productId === undefined
      ? random.pick(productsOf("one_time").filter(({ initialFeeMinor }) => initialFeeMinor === undefined))
      : productNamed(draft.productId);
  const start = `today${startsIn > 0 ? "+" : "-"}${Math.abs(startsIn)}d`;
  const paidAt = `${startsIn > 0 ? "today-2d" : "start"} ${random.pick(["09:12", "12:40", "18:05", "22:31"])}`;
  const payments: Payment[] = [
    ...(hasFee ? [{ subject: "initial_fee", paidAt } as const] : []),
    { subject: "one_time_price", paidAt },
  ];
  const { id, role, method, customerId } = draft;
  return {
    id,
    role,
    params: {
      ...common(random, draft, product, start),
      ...(hasFee && product.initialFeeMinor !== undefined ? { initialFeeMinor: product.initialFeeMinor } : {}),
      ...(method === "card"
        ? {
            stripe: {
              customerId: stripeIds.customer(customerId),
              paymentIntentId: stripeIds.paymentIntent(id),
            },
          }
        : {}),
      ...(isPaid ? { payments } : {}),
      ...(state === undefined ? {} : { state }),
    },
  };
}

export interface MonthlyTerms {
  readonly age: Age;
  /** Periods at the end of those that have begun for which nothing has come. */
  readonly unpaid?: number;
  readonly isSpecial?: boolean;
  readonly hasFee?: boolean;
  /** Whether nothing at all is paid yet. */
  readonly isWaiting?: boolean;
  readonly state?: Params["state"];
}

/** A monthly contract with its history: every begun period paid but the last so many. */
export function makeMonthly(random: Random, draft: Draft, terms: MonthlyTerms): PlannedContract {
  const { id, role, method, customerId } = draft;
  const { age, unpaid = 0, isSpecial = false, isWaiting = false, state } = terms;
  const product = draft.productId === undefined ? pickMonthly(random, terms) : productNamed(draft.productId);
  const feeMinor = terms.hasFee === true ? product.initialFeeMinor : undefined;
  const begun = begunOf(age);
  const paid = isWaiting ? 0 : begun - unpaid;
  const payments = [
    ...(feeMinor === undefined || isWaiting ? [] : [feePayment(draft, age)]),
    ...Array.from({ length: paid }, (_, period) => periodPayment(random, draft, period, begun)),
  ];
  return {
    id,
    role,
    params: {
      ...common(random, draft, product, startOf(age)),
      ...(feeMinor === undefined ? {} : { initialFeeMinor: feeMinor }),
      ...(isSpecial ? specialTerms(product, begun) : {}),
      ...(method === "card"
        ? { stripe: { customerId: stripeIds.customer(customerId), subscriptionId: stripeIds.subscription(id) } }
        : {}),
      ...(payments.length === 0 ? {} : { payments }),
      ...(state === undefined ? {} : { state }),
    },
  };
}

function pickMonthly(random: Random, { isSpecial = false, hasFee = false }: MonthlyTerms): DemoProduct {
  return random.pick(
    productsOf("monthly").filter(
      (product) =>
        (!isSpecial || product.specialPriceMinor !== undefined) && (!hasFee || product.initialFeeMinor !== undefined),
    ),
  );
}

/** The campaign lasts beyond the periods that have begun, so that every one of them was billed at the special price. */
function specialTerms(product: DemoProduct, begun: number): Partial<Params> {
  if (product.specialPriceMinor === undefined) throw new Error(`${product.id} has no special price`);
  return { specialPriceMinor: product.specialPriceMinor, specialMonths: Math.max(3, begun + 1) };
}

/** By card the fee stands on the first invoice, or on one of its own when the first period lies ahead. */
function feePayment({ id, method }: Draft, age: Age): Payment {
  const isAhead = age.type === "ahead";
  const invoice = isAhead ? "fee" : 0;
  return {
    subject: "initial_fee",
    paidAt: isAhead ? "today-2d 14:20" : method === "card" ? "start 10:00" : "start-2d 14:20",
    ...(method === "card"
      ? {
          stripePaymentIntentId: stripeIds.invoicePaymentIntent(id, invoice),
          stripeInvoiceId: stripeIds.invoice(id, invoice),
        }
      : {}),
  };
}

function periodPayment(random: Random, { id, method }: Draft, period: number, begun: number): Payment {
  const begins = period === 0 ? "start" : `start+${period}m`;
  if (method !== "card") {
    // The newest is paid on its first day: some days later might lie ahead of today.
    const late = period === begun - 1 ? 0 : random.between(0, 3);
    return { subject: "period", period, paidAt: `${begins}${late === 0 ? "" : `+${late}d`} 11:30` };
  }
  return {
    subject: "period",
    period,
    paidAt: `${begins} 10:00`,
    stripePaymentIntentId: stripeIds.invoicePaymentIntent(id, period),
    stripeInvoiceId: stripeIds.invoice(id, period),
  };
}
