import { type Age, makeCourse, makeMonthly } from "./make-contract.ts";
import { makeCustomer } from "./people.ts";
import { type PlannedContract, type Role, stripeIds } from "./planned-contract.ts";
import type { Ask } from "./planned-request.ts";
import type { Random } from "./random.ts";
import { type Script, scriptOf } from "./scripts.ts";

/** New customers are numbered on from those that the books begin with. */
const firstNewCustomer = 301;

const service = { type: "service", id: "shop" } as const;

const justNow: Age = { type: "began", months: 0, days: 5 };
const lastMonth: Age = { type: "began", months: 1, days: 9 };

type Make = (draft: { id: string; customerId: string; role: Role }, random: Random) => PlannedContract;

const bank = { method: "bank_transfer" } as const;
const card = { method: "card" } as const;

/** What new contracts come as, and how many of each. */
const newcomers: readonly { readonly count: number; readonly role: Role; readonly make: Make }[] = [
  {
    count: 9,
    role: "course_unpaid",
    make: (draft, random) => makeCourse(random, { ...draft, ...bank }, { startsIn: -1, isPaid: false }),
  },
  {
    count: 6,
    role: "course_by_card",
    make: (draft, random) => makeCourse(random, { ...draft, ...card }, { startsIn: -2, isPaid: true }),
  },
  {
    count: 8,
    role: "monthly_unpaid",
    make: (draft, random) =>
      makeMonthly(random, { ...draft, ...bank }, { age: justNow, isWaiting: true, hasFee: true }),
  },
  {
    count: 8,
    role: "monthly_by_card",
    make: (draft, random) => makeMonthly(random, { ...draft, ...card }, { age: lastMonth }),
  },
  {
    count: 4,
    role: "monthly_special",
    make: (draft, random) => makeMonthly(random, { ...draft, method: "other" }, { age: justNow, isSpecial: true }),
  },
  {
    count: 5,
    role: "monthly_ahead_by_card",
    make: (draft, random) =>
      makeMonthly(random, { ...draft, ...card }, { age: { type: "ahead", days: 12 }, hasFee: true }),
  },
];

/** The scripts of contracts that the requests themselves bring: each begins with its registration. */
export function registrationScripts(random: Random): readonly Script[] {
  const scripts: Script[] = [];
  for (const { count, role, make } of newcomers) {
    for (let made = 0; made < count; made += 1) {
      const n = scripts.length;
      const customer = makeCustomer(random, firstNewCustomer + n);
      const contract = make({ id: `N-${String(n + 1).padStart(4, "0")}`, customerId: customer.id, role }, random);
      const register: Ask = {
        kind: "register",
        contractId: contract.id,
        actor: service,
        params: { ...contract.params, customer },
      };
      scripts.push([register, ...scriptOf(contract, random, n)]);
    }
  }
  return scripts;
}

/** Registrations that a rule refuses, each for a reason of its own. */
export function refusedRegistrations(contracts: readonly PlannedContract[], random: Random): readonly Script[] {
  const sold = (index: number): PlannedContract => {
    const contract = contracts[index];
    if (contract === undefined) throw new RangeError(`there is no contract ${index}`);
    return contract;
  };
  const byCard = contracts.filter((contract) => contract.params.stripe?.paymentIntentId !== undefined);
  const course = (id: string) =>
    makeCourse(random, { id, customerId: "C-0007", role: "course_unpaid", ...bank }, { startsIn: -1, isPaid: false });
  const ask = (contractId: string, params: Ask["params"], actor: Ask["actor"] = service): Script => [
    { kind: "register", contractId, actor, ...(params === undefined ? {} : { params }) },
  ];
  const scripts: Script[] = [60, 120, 180, 240].map((index) => ask(sold(index).id, sold(index).params));
  for (const [index, { params }] of byCard.slice(-3).entries()) {
    const { stripe: _, ...others } = params;
    scripts.push(ask(`X-000${index + 1}`, others));
    // The same payment intent for a second contract.
    scripts.push(ask(`X-001${index + 1}`, params));
  }
  const { params } = course("X-0020");
  const owner = { type: "customer", id: params.customerId } as const;
  scripts.push(
    ask("X-0021", { ...params, productId: "not-on-sale" }),
    ask("X-0022", { ...params, customerId: "C-9999" }),
    ask("X-0023", { ...params, kind: "monthly" }),
    ask("X-0024", { ...params, specialMonths: 3, specialPriceMinor: 100 }),
    ask("X-0025", params, owner),
    ask("X-0026", params, owner),
    ask("X-0027", { ...params, stripe: { customerId: stripeIds.customer("C-0007"), paymentIntentId: "pi_X0027" } }),
    ask("X-0028", { ...params, paymentMethod: "card", origin: "operator", stripe: { customerId: "cus_C0007" } }),
  );
  return scripts;
}
