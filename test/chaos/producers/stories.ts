import type { Random } from "../../../sandbox/demo/data/random.ts";
import { customerOf, reasonOf } from "../canaries.ts";
import { type Dates, noonOf, renewalOf } from "./dates.ts";
import type { Deed, Happening, Request, Story } from "./story.ts";

const price = 1_980;
const fee = 3_000;
const oncePrice = 9_800;

/** What everybody buys at Stripe. */
export const catalogAtStripe = {
  products: [{ id: "prod_chaos" }],
  prices: [{ id: "price_chaos", product: "prod_chaos", amount: price }],
};

const operator = { type: "operator", id: "chaos" } as const;
const service = { type: "service", id: "shop" } as const;

/** Writes the deeds of one story, with ids that count them. */
class Pen {
  readonly #id: string;
  readonly #deeds: Deed[] = [];

  constructor(contractId: string) {
    this.#id = contractId;
  }

  get deeds(): readonly Deed[] {
    return this.#deeds;
  }

  ask(kind: string, params: Record<string, unknown> = {}, actor: Request["actor"] = operator): this {
    const id = `${kind}-${this.#id}-${this.#deeds.length}`;
    const reason = reasonOf(this.#id);
    this.#deeds.push({ type: "request", request: { id, kind, contractId: this.#id, actor, params, reason } });
    return this;
  }

  /** As the customer, whose words nobody writes down. */
  wish(kind: string): this {
    return this.ask(kind, {}, { type: "customer", id: customerIdOf(this.#id) });
  }

  happen(happening: Happening): this {
    this.#deeds.push({ type: "happening", happening });
    return this;
  }

  put(product: Record<string, unknown>): this {
    this.#deeds.push({ type: "product", product });
    return this;
  }
}

interface Draft {
  readonly id: string;
  readonly dates: Dates;
  readonly random: Random;
  readonly pen: Pen;
}

type Write = (draft: Draft) => Omit<Story, "contractId" | "deeds">;

function customerIdOf(contractId: string): string {
  return `cust-${contractId}`;
}

function terms(id: string, start: Dates["today"], more: Record<string, unknown>): Record<string, unknown> {
  const kind = more.kind === "one_time" ? "one_time" : "monthly";
  return {
    productId: `product-${kind}`,
    product: { id: `product-${kind}`, kind, priceMinor: kind === "monthly" ? price : oncePrice },
    customerId: customerIdOf(id),
    customer: customerOf(customerIdOf(id)),
    kind: "monthly",
    paymentMethod: "bank_transfer",
    priceMinor: kind === "monthly" ? price : oncePrice,
    startOn: start.toString(),
    ...more,
  };
}

/** Periods that were paid by hand, each on its first day. */
function paidByHand(start: Dates["today"], periods: readonly number[]) {
  return periods.map((period) => ({ subject: "period", period, paidAt: noonOf(renewalOf(start, period)) }));
}

function paymentIdOf(id: string, period: number): string {
  return `${id}:period:${period}`;
}

const bankFromTheBeginning: Write = ({ id, dates, random, pen }) => {
  const start = dates.startOf(1);
  pen.ask("register", terms(id, start, { initialFeeMinor: fee }), service).ask("confirm_payment");
  if (random.chance(70)) pen.ask("suspend").ask("resume");
  pen.wish("reserve_termination").wish("withdraw_reservation");
  if (random.chance(50)) pen.ask("suspend").ask("terminate");
  const paymentId = `${id}:initial_fee`;
  pen.ask("refund_payment", { paymentId, ...(random.chance(30) ? { revokeLicense: true } : {}) });
  const settled = random.chance(50) ? "record_manual_refund" : "waive_refund";
  pen.ask(settled, { refundId: `${paymentId}:refund:1` });
  if (random.chance(20)) pen.ask("delete", { confirm: id });
  return { atStripe: null };
};

const bankCalledOff: Write = ({ id, dates, pen }) => {
  pen
    .ask("register", terms(id, dates.startOf(0), {}), service)
    .wish("cancel")
    .ask("confirm_payment");
  return { atStripe: null };
};

const onceByHand: Write = ({ id, dates, random, pen }) => {
  pen.ask("register", terms(id, dates.startOf(0), { kind: "one_time", initialFeeMinor: fee }), service);
  pen.ask("confirm_payment").ask(random.chance(70) ? "cancel_manual_refund" : "cancel_with_refund");
  pen.ask("record_manual_refund", { refundId: `${id}:one_time_price:refund:1` });
  if (random.chance(40)) pen.ask("delete", { confirm: id });
  return { atStripe: null };
};

/** Contracts that came from elsewhere and that the calendar has something to do with. */
const dueByCalendar: Write = ({ id, dates, random, pen }) => {
  const start = dates.startOf(2);
  const what = random.pick(["renew", "start", "terminate", "special"] as const);
  const more = {
    renew: { payments: paidByHand(start, [0]), state: { status: "active" } },
    start: {
      startOn: dates.startOf(0).toString(),
      payments: paidByHand(dates.startOf(0), [0]),
      state: { status: "not_started" },
    },
    terminate: {
      payments: paidByHand(start, [0]),
      state: {
        status: "termination_reserved",
        reservation: { terminationOn: renewalOf(start, 1).toString(), terminationSource: "person" },
      },
    },
    special: {
      payments: paidByHand(start, [0, 1, 2]),
      specialMonths: 1,
      specialPriceMinor: 980,
      state: { status: "special_period" },
    },
  }[what];
  pen.ask("register", terms(id, start, more), service);
  if (random.chance(60)) pen.wish("reserve_termination").wish("withdraw_reservation");
  return { atStripe: null };
};

/** Its product ends in this month, until its producer changes their mind. */
const endsWithItsProduct: Write = ({ id, dates, random, pen }) => {
  const start = dates.startOf(1);
  const productId = `product-${id}`;
  const product = { id: productId, kind: "monthly", priceMinor: price };
  const month = dates.today.toString().slice(0, 7);
  pen.ask(
    "register",
    terms(id, start, {
      productId,
      product: { ...product, automaticTerminationMonth: month },
      payments: paidByHand(start, [0, 1]),
    }),
    service,
  );
  if (random.chance(60)) pen.put({ ...product, access: "per_period", automaticTerminationMonth: null, version: 2 });
  pen.wish("withdraw_reservation");
  return { atStripe: null };
};

/** What a monthly contract by card has at Stripe: three periods, the last of them paid, open, or about to be collected. */
function subscribed(id: string, dates: Dates, last: "paid" | "open" | "draft") {
  const start = dates.startOf(2);
  const periods = [0, 1, 2];
  const isPaid = last === "paid";
  const invoices = periods.map((period) => ({
    id: `in_${id}_${period}`,
    period,
    status: period < 2 ? ("paid" as const) : last,
    // A draft is collected an hour after it was made.
    ...(period === 2 && last === "draft" ? { createdAt: dates.moment(6 - 3_600) } : {}),
  }));
  return {
    atStripe: {
      customers: [{ id: `cus_${id}`, ...person(id) }],
      subscriptions: [
        {
          id: `sub_${id}`,
          customer: `cus_${id}`,
          price: "price_chaos",
          anchorAt: noonOf(start),
          status: last === "open" ? ("past_due" as const) : ("active" as const),
          invoices,
        },
      ],
    },
    params: terms(id, start, {
      paymentMethod: "card",
      stripe: { customerId: `cus_${id}`, subscriptionId: `sub_${id}` },
      payments: periods
        .filter((period) => period < 2 || isPaid)
        .map((period) => ({
          subject: "period",
          period,
          paidAt: noonOf(renewalOf(start, period)),
          stripePaymentIntentId: `pi_${id}_${period}`,
          stripeInvoiceId: `in_${id}_${period}`,
        })),
    }),
  };
}

function person(id: string) {
  const { name, email } = customerOf(customerIdOf(id));
  return { name, email };
}

const cardRunning: Write = ({ id, dates, random, pen }) => {
  const { atStripe, params } = subscribed(id, dates, "paid");
  pen.ask("register", params, service).wish("reserve_termination");
  if (random.chance(25)) pen.happen({ type: "subscription_lifted", subscription: `sub_${id}` });
  pen.wish("withdraw_reservation");
  pen.ask("refund_payment", { paymentId: paymentIdOf(id, 0) });
  if (random.chance(50)) pen.ask("refund_payment", { paymentId: paymentIdOf(id, 1), revokeLicense: true });
  if (random.chance(30)) pen.happen({ type: "payment_refunded", paymentIntent: `pi_${id}_2` });
  if (random.chance(20)) pen.happen({ type: "payment_disputed", charge: `ch_${id}_1` });
  if (random.chance(35)) pen.ask("delete", { confirm: id });
  else if (random.chance(30)) pen.happen({ type: "subscription_ended", subscription: `sub_${id}` });
  return { atStripe };
};

const cardUnpaid: Write = ({ id, dates, random, pen }) => {
  const { atStripe, params } = subscribed(id, dates, "open");
  const unpaid = { status: "payment_unconfirmed", unpaidPeriods: [2] };
  pen.ask("register", { ...params, state: unpaid }, service);
  if (random.chance(50)) pen.happen({ type: "invoice_paid", invoice: `in_${id}_2` });
  if (random.chance(50)) pen.ask("terminate");
  pen.ask("refund_payment", { paymentId: paymentIdOf(id, 1) });
  return { atStripe };
};

/** Stripe collects its present period while the run goes on, or fails to. */
const cardRenewing: Write = ({ id, dates, random, pen }) => {
  const { atStripe, params } = subscribed(id, dates, "draft");
  if (random.chance(50)) pen.happen({ type: "card_declined", customer: `cus_${id}` });
  pen.ask("register", { ...params, state: { status: "active" } }, service);
  if (random.chance(40)) pen.wish("reserve_termination");
  if (random.chance(40)) pen.happen({ type: "invoice_paid", invoice: `in_${id}_2` });
  pen.ask("refund_payment", { paymentId: paymentIdOf(id, 1) });
  if (random.chance(30)) pen.ask("terminate");
  return { atStripe };
};

const cardNotStarted: Write = ({ id, dates, pen }) => {
  const start = dates.today.add({ days: 20 });
  const began = dates.startOf(0);
  pen.ask(
    "register",
    terms(id, start, {
      paymentMethod: "card",
      initialFeeMinor: fee,
      stripe: { customerId: `cus_${id}`, subscriptionId: `sub_${id}` },
      payments: [{ subject: "initial_fee" }, { subject: "period", period: 0 }].map((line) => ({
        ...line,
        paidAt: noonOf(began),
        stripePaymentIntentId: `pi_${id}_0`,
        stripeInvoiceId: `in_${id}_0`,
      })),
    }),
    service,
  );
  pen.ask("cancel");
  return {
    atStripe: {
      customers: [{ id: `cus_${id}`, ...person(id) }],
      subscriptions: [
        {
          id: `sub_${id}`,
          customer: `cus_${id}`,
          price: "price_chaos",
          anchorAt: noonOf(began),
          initialFee: fee,
          invoices: [{ id: `in_${id}_0`, period: 0, status: "paid" as const }],
        },
      ],
    },
  };
};

const onceByCard: Write = ({ id, dates, random, pen }) => {
  const boughtAt = noonOf(dates.startOf(0));
  pen.ask(
    "register",
    terms(id, dates.startOf(0), {
      kind: "one_time",
      paymentMethod: "card",
      initialFeeMinor: fee,
      stripe: { customerId: `cus_${id}`, paymentIntentId: `pi_${id}_0` },
      payments: ["initial_fee", "one_time_price"].map((subject) => ({ subject, paidAt: boughtAt })),
    }),
    service,
  );
  if (random.chance(50)) pen.ask("refund_payment", { paymentId: `${id}:initial_fee` });
  if (random.chance(60)) pen.ask("cancel_with_refund");
  else pen.ask("refund_payment", { paymentId: `${id}:one_time_price` });
  if (random.chance(40)) pen.ask("delete", { confirm: id });
  return {
    atStripe: {
      customers: [{ id: `cus_${id}`, ...person(id) }],
      paymentIntents: [
        {
          id: `pi_${id}_0`,
          customer: `cus_${id}`,
          amount: oncePrice + fee,
          createdAt: boughtAt,
          payment: { paidAt: boughtAt },
        },
      ],
    },
  };
};

/** The stories, those that meet Stripe more often. */
const writers: readonly Write[] = [
  bankFromTheBeginning,
  bankFromTheBeginning,
  bankCalledOff,
  onceByHand,
  dueByCalendar,
  dueByCalendar,
  endsWithItsProduct,
  cardRunning,
  cardRunning,
  cardRunning,
  cardUnpaid,
  cardRenewing,
  cardRenewing,
  cardNotStarted,
  onceByCard,
  onceByCard,
];

/** Writes the story of the so-many-th contract: the same for the same random numbers. Each kind comes around as often as it is listed. */
export function writeStory(number: number, dates: Dates, random: Random): Story {
  const contractId = `c${String(number).padStart(4, "0")}`;
  const pen = new Pen(contractId);
  const write = writers[(number * 7) % writers.length];
  if (write === undefined) throw new RangeError("there is no such story");
  const { atStripe } = write({ id: contractId, dates, random, pen });
  return { contractId, atStripe, deeds: pen.deeds };
}
