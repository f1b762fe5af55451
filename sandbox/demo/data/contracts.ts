import { type Age, type Draft, type MonthlyTerms, makeCourse, makeMonthly, someAge } from "./make-contract.ts";
import { type DemoCustomer, makeCustomer } from "./people.ts";
import type { PlannedContract, Role } from "./planned-contract.ts";
import type { Random } from "./random.ts";

/** Who is there before the first request. */
export interface Books {
  readonly customers: readonly DemoCustomer[];
  readonly contracts: readonly PlannedContract[];
}

/** Customers of the shop; a few of them have bought nothing yet. */
const customerCount = 300;

/** One of so many contracts belongs to somebody who has one already. */
const repeatPercent = 12;

type Params = PlannedContract["params"];
type Method = Params["paymentMethod"];

/** Everything that a contract is made with, so that the groups below read as a list. */
class Maker {
  readonly contracts: PlannedContract[] = [];
  readonly random: Random;
  #customers = 0;

  constructor(random: Random) {
    this.random = random;
  }

  draft(role: Role, method: Method, productId?: string): Draft {
    const isRepeat = this.#customers > 20 && this.random.chance(repeatPercent);
    if (!isRepeat) this.#customers += 1;
    const customer = isRepeat ? this.random.between(1, this.#customers) : this.#customers;
    return {
      id: `K-${String(this.contracts.length + 1).padStart(4, "0")}`,
      role,
      customerId: `C-${String(customer).padStart(4, "0")}`,
      method,
      ...(productId === undefined ? {} : { productId }),
    };
  }

  courses(
    count: number,
    role: Role,
    methods: readonly Method[],
    terms: Omit<Parameters<typeof makeCourse>[2], "startsIn"> & { readonly startsIn: readonly [number, number] },
  ): void {
    for (let made = 0; made < count; made += 1) {
      const draft = this.draft(role, this.random.pick(methods));
      const startsIn = this.random.between(...terms.startsIn);
      this.contracts.push(makeCourse(this.random, draft, { ...terms, startsIn }));
    }
  }

  monthlies(
    count: number,
    role: Role,
    methods: readonly Method[],
    terms: Omit<MonthlyTerms, "age" | "state"> & {
      readonly age?: (random: Random) => Age;
      readonly state?: (age: Age) => Params["state"];
      readonly productId?: string;
    } = {},
  ): void {
    for (let made = 0; made < count; made += 1) {
      const draft = this.draft(role, this.random.pick(methods), terms.productId);
      const age = (terms.age ?? someAge)(this.random);
      const state = terms.state?.(age);
      const { age: _, state: __, productId: ___, ...others } = terms;
      this.contracts.push(
        makeMonthly(this.random, draft, { ...others, age, ...(state === undefined ? {} : { state }) }),
      );
    }
  }
}

const byBank: readonly Method[] = ["bank_transfer", "bank_transfer", "bank_transfer", "other"];
const byCard: readonly Method[] = ["card"];

const ahead = (random: Random): Age => ({ type: "ahead", days: random.between(3, 45) });
const monthEnd = (random: Random): Age => ({ type: "began_month_end", months: random.between(2, 8) });
const dayOfToday = (random: Random): Age => ({ type: "began_day_of_today", months: random.between(6, 14) });
const justNow = (random: Random): Age => ({ type: "began", months: 0, days: random.between(4, 12) });
const grown = (random: Random): Age => ({ type: "began", months: random.between(2, 9), days: random.between(4, 24) });

/** The first renewal that has not come yet, or today's; counted from the start, since a short month moves it. */
function nextRenewal(age: Age): string {
  if (age.type === "ahead") return "start+1m";
  return `start+${age.type === "began_day_of_today" ? age.months : age.months + 1}m`;
}

const reservedBy = (terminationSource: "person" | "product_month") => (age: Age) =>
  ({ status: "termination_reserved", reservation: { terminationOn: nextRenewal(age), terminationSource } }) as const;

/** Suspended, with the last so many periods unpaid. */
const suspendedFor =
  (count: number, isReserved = false) =>
  (age: Age) => {
    const last = age.type === "began" ? age.months : 0;
    const unpaidPeriods = Array.from({ length: count }, (_, index) => last - count + 1 + index);
    const reservation = { terminationOn: nextRenewal(age), terminationSource: "person" } as const;
    return { status: "payment_unconfirmed", unpaidPeriods, ...(isReserved ? { reservation } : {}) } as const;
  };

/** Makes the books that the demo begins with. Contracts of one role lie beside each other; the first are {@link cast}. */
export function makeBooks(random: Random): Books {
  const maker = new Maker(random);
  makeCast(maker);
  makeCourses(maker);
  makeMonthlies(maker);
  makeCardMonthlies(maker);
  makeEnded(maker);
  const customers = Array.from({ length: customerCount }, (_, index) => makeCustomer(random, index + 1));
  return { customers, contracts: maker.contracts };
}

/** Contracts with a history at Stripe that the books do not know. `stripe.ts` tells each one's story by its id. */
function makeCast(maker: Maker): void {
  const bought = { startsIn: [-60, -5], isPaid: true } as const;
  maker.courses(1, "course_by_card", byCard, bought); // K-0001: partly refunded on the dashboard
  maker.courses(1, "course_by_card", byCard, bought); // K-0002: wholly refunded on the dashboard
  maker.courses(1, "course_by_card", byCard, bought); // K-0003: disputed
  maker.courses(1, "course_by_card", byCard, bought); // K-0004: partly refunded, and nobody asks for anything
  maker.courses(1, "course_by_card", byCard, { ...bought, hasFee: true }); // K-0005: fee and price on one charge
  const oneUnpaid = { age: grown, unpaid: 1, state: suspendedFor(1) };
  maker.monthlies(1, "monthly_suspended_by_card", byCard, oneUnpaid); // K-0006: its invoice is open
  maker.monthlies(1, "monthly_suspended_by_card", byCard, { age: grown, unpaid: 2, state: suspendedFor(2) }); // K-0007: open invoice and draft
  maker.monthlies(1, "monthly_suspended_by_card", byCard, oneUnpaid); // K-0008: Stripe has ended the subscription already
  maker.monthlies(1, "monthly_suspended_by_card", byCard, oneUnpaid); // K-0009: Stripe knows no such subscription
  maker.monthlies(1, "monthly_by_card", byCard, { age: grown }); // K-0010: ended at Stripe, running here
}

function makeCourses(maker: Maker): void {
  maker.courses(14, "course_unpaid", byBank, { startsIn: [-6, -1], isPaid: false });
  maker.courses(18, "course_by_bank", byBank, { startsIn: [-200, -5], isPaid: true });
  maker.courses(6, "course_ahead_by_bank", ["bank_transfer"], { startsIn: [5, 40], isPaid: true });
  maker.courses(32, "course_by_card", byCard, { startsIn: [-120, -3], isPaid: true });
  maker.courses(4, "course_by_card", byCard, { startsIn: [-40, -3], isPaid: true, hasFee: true });
  maker.courses(10, "course_ahead_by_card", byCard, { startsIn: [4, 40], isPaid: true });
  maker.courses(6, "course_unpaid_by_card", byCard, { startsIn: [1, 20], isPaid: false });
  maker.courses(5, "course_canceled", byBank, {
    startsIn: [-90, -40],
    isPaid: true,
    state: { status: "canceled", endedAt: "start+9d 16:20" },
  });
}

function makeMonthlies(maker: Maker): void {
  maker.monthlies(12, "monthly_unpaid", byBank, { age: justNow, isWaiting: true, hasFee: true });
  maker.monthlies(34, "monthly", byBank);
  maker.monthlies(5, "monthly", byBank, { age: monthEnd, state: () => ({ status: "active" }) });
  maker.monthlies(12, "monthly_special", byBank, {
    isSpecial: true,
    age: (random) => ({ type: "began", months: random.between(0, 3), days: random.between(4, 24) }),
  });
  maker.monthlies(8, "monthly_ahead", byBank, { age: ahead, hasFee: true });
  maker.monthlies(9, "monthly_suspended", byBank, { age: grown, unpaid: 1, state: suspendedFor(1) });
  maker.monthlies(5, "monthly_suspended", byBank, { age: grown, unpaid: 2, state: suspendedFor(2) });
  maker.monthlies(7, "monthly_reserved", byBank, { state: reservedBy("person") });
  maker.monthlies(5, "monthly_reserved_by_month", ["bank_transfer"], {
    productId: "exam-season",
    state: reservedBy("product_month"),
  });
  maker.monthlies(3, "monthly_suspended_reserved", byBank, { age: grown, unpaid: 1, state: suspendedFor(1, true) });
  maker.monthlies(2, "monthly_date_reached", byBank, { age: dayOfToday, state: reservedBy("person") });
  maker.monthlies(3, "renewing_today", byBank, { age: dayOfToday, state: () => ({ status: "active" }) });
}

function makeCardMonthlies(maker: Maker): void {
  maker.monthlies(36, "monthly_by_card", byCard);
  maker.monthlies(4, "monthly_by_card", byCard, { age: monthEnd, state: () => ({ status: "active" }) });
  maker.monthlies(3, "monthly_by_card", byCard, { age: grown, productId: "exam-season" });
  maker.monthlies(9, "monthly_special_by_card", byCard, {
    isSpecial: true,
    age: (random) => ({ type: "began", months: random.between(0, 3), days: random.between(4, 24) }),
  });
  maker.monthlies(7, "monthly_ahead_by_card", byCard, { age: ahead, hasFee: true });
  maker.monthlies(5, "monthly_unpaid_by_card", byCard, { age: justNow, isWaiting: true });
  maker.monthlies(13, "monthly_suspended_by_card", byCard, { age: grown, unpaid: 1, state: suspendedFor(1) });
  maker.monthlies(7, "monthly_reserved_by_card", byCard, { state: reservedBy("person") });
  maker.monthlies(2, "renewing_today", byCard, { age: dayOfToday, state: () => ({ status: "active" }) });
}

/** Contracts that ended before they came here: nothing but their history is left. */
function makeEnded(maker: Maker): void {
  const terminated = () => ({ status: "terminated", endedAt: "today-2d 03:10" }) as const;
  const canceled = () => ({ status: "canceled", endedAt: "today-1d 15:45" }) as const;
  maker.monthlies(5, "ended", byBank, { age: grown, state: terminated });
  maker.monthlies(5, "ended", byCard, { age: grown, state: terminated });
  maker.monthlies(3, "ended", ["bank_transfer"], { age: ahead, state: canceled });
}
