import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BusinessDate } from "../../../src/contract/calendar.ts";
import { type ContractWorld, contractStatuses } from "../../../src/contract/contract.ts";
import { type ActorType, type OperationKind, operationKinds } from "../../../src/contract/operation.ts";
import { rules } from "../../../src/contract/operations/index.ts";
import { isOwed } from "../../../src/contract/refunding.ts";
import type { Answer } from "../../../src/contract/step.ts";
import {
  daysAfter,
  type FactsParts,
  makeCatalog,
  makeFacts,
  makePayment,
  makePeriods,
  makeProduct,
  makeWorld,
  noonOf,
  openFor,
  today as registeredOn,
} from "../../support/facts.ts";
import { applyChange, journalRefund } from "./support/apply-change.ts";
import { playWith, settled } from "./support/play.ts";
import { contradictionsIn, faultsOf, rowsMissingOf, toldIn, unburiedBy, unrecordedOf } from "./support/promises.ts";
import { families, type Life, type Request } from "./support/random-lives.ts";
import { type Pick, RandomStripe } from "./support/random-stripe.ts";
import { invoiceSeen, periodLine, subscriptionSeen } from "./support/stripe-answers.ts";
import { type Charge, StripeBooks } from "./support/stripe-books.ts";

/*
 * Lives of contracts: a registration of any sort, then operations of any kind, days apart, with a Stripe that answers as it
 * likes. Nothing about them is prescribed but what must never happen.
 */

/** A contract as it stands at one moment of its life, and what Stripe and people know beside its rows. */
interface Moment {
  readonly world: ContractWorld;
  readonly books: StripeBooks;
  /** What was told of money for which there is no row. */
  readonly told: ReadonlyMap<string, number>;
  /** The invoice that Stripe reported last. */
  readonly invoiceId: string;
  /** The intents of which Stripe has told before our rows knew them. */
  readonly reportedEarly: readonly string[];
}

function register(params: Life[0]): ContractWorld {
  const catalog = makeCatalog({ product: makeProduct({ kind: params.kind === "monthly" ? "monthly" : "one_time" }) });
  const { end } = playWith(makeFacts("register", { params, catalog }), () => {
    throw new Error("register neither looks nor calls");
  });
  if (end.type === "reject") throw new Error(`not registered: ${JSON.stringify(end.rejection)}`);
  return applyChange(null, end.change, noonOf(registeredOn));
}

/** Who asks for an operation of this kind, and with what: people, or the calendar and Stripe for what is theirs. */
function partsOf({ kind, params }: Request, moment: Moment, today: BusinessDate, pick: Pick): FactsParts {
  const actors: readonly ActorType[] = rules[kind].actors;
  if (actors.includes("schedule")) return { params: { date: today }, actor: { type: "schedule", id: "daily" } };
  if (actors.includes("stripe")) {
    return { params: reportOf(kind, moment, pick), actor: { type: "stripe", id: "evt_1" } };
  }
  const { payments, refunds, contract } = moment.world;
  if (kind === "refund_payment") {
    const paymentId = pick(payments.at(-1)?.id ?? "none", payments[0]?.id ?? "none");
    return { params: { paymentId, revokeLicense: pick(false, true) } };
  }
  if (kind === "record_manual_refund" || kind === "waive_refund") {
    return { params: { refundId: refunds.find(isOwed)?.id ?? "none" } };
  }
  if (kind === "replace_subscription") {
    const [former = "sub_1"] = contract.formerStripeSubscriptionIds;
    const next = `sub_${contract.formerStripeSubscriptionIds.length + 2}`;
    return { params: { subscriptionId: pick(next, next, former) } };
  }
  if (kind === "delete") return { params: { confirm: contract.id } };
  return { params: kind === "confirm_payment" || kind === "resume" || kind === "suspend" ? params : {} };
}

/** What an event of Stripe's says, about something that the contract knows or not: Stripe gives no order, and sends twice. */
function reportOf(kind: OperationKind, { world, books, invoiceId: last }: Moment, pick: Pick) {
  const { stripePaymentIntentId, stripeSubscriptionId, formerStripeSubscriptionIds } = world.contract;
  const invoices = books.bills.map(({ invoice }) => invoice.id);
  const intents = books.charges().flatMap((charge) => charge.paymentIntentId ?? []);
  const invoiceId = pick(`in_new_${invoices.length}`, last, invoices[0] ?? last, invoices.at(-1) ?? last);
  const paymentIntentId = pick(intents.at(-1) ?? "pi_9", intents[0] ?? "pi_9", "pi_9");
  const subscriptionId = pick(stripeSubscriptionId ?? "sub_9", formerStripeSubscriptionIds[0] ?? "sub_9");
  if (kind === "record_payment") {
    return stripePaymentIntentId === null ? { invoiceId } : { paymentIntentId: stripePaymentIntentId };
  }
  if (kind === "record_payment_failure") {
    return { invoiceId, attempt: pick(1, 2) };
  }
  if (kind === "record_refund") return { paymentIntentId };
  if (kind === "record_dispute") {
    return { paymentIntentId, disputeId: "du_1", stripeDisputeStatus: pick("needs_response", "won", "lost") };
  }
  return { subscriptionId };
}

/**
 * Carries out one request, and tells what of its money is not accounted for. Gives the moment as it was if a rule refuses, and
 * none once the contract is deleted.
 */
function carryOut(moment: Moment, request: Request, today: BusinessDate): Outcome {
  const { books } = moment;
  const { kind, whims } = request;
  const { product } = moment.world;
  const { productMonth = product.automaticTerminationMonth } = request;
  const world = { ...moment.world, product: { ...product, automaticTerminationMonth: productMonth } };
  let chosen = 0;
  const pick: Pick = (...options) => {
    const whim = whims[chosen++ % whims.length] ?? 0;
    const [option = options[0]] = options.slice(whim % options.length);
    return option;
  };
  const stripe = new RandomStripe(books, { kind, world, today, pick });
  let { refunds } = world;
  const { reportedEarly } = moment;
  const parts = partsOf(request, { ...moment, world }, today, pick);
  const { end } = playWith(makeFacts(kind, { world, today, reportedEarly, ...parts }), (step): Answer => {
    const answer = stripe.answer(step);
    if (step.type === "call") refunds = journalRefund(refunds, step, answer);
    return answer;
  });
  if (end.type === "reject") return { next: { ...moment, world: { ...world, refunds } }, faults: [], isSettled: false };

  const { deletion, ...change } = end.change;
  const after = applyChange({ ...world, refunds }, change, noonOf(today));
  if (deletion !== undefined) return { faults: [...unburiedBy(deletion, after, books)], isSettled: true };
  const told = new Map([...moment.told, ...toldIn(change.attention)]);
  const charges = books.charges(after.contract);
  const { invoiceId = moment.invoiceId, paymentIntentId: intent } = parts.params as ReportParams;
  const isReported = (charge: Charge) =>
    kind === "record_payment" && (charge.invoiceId ?? charge.paymentIntentId) === (intent ?? invoiceId);
  const isEarly = kind !== "record_payment" && !after.payments.some((row) => row.stripePaymentIntentId === intent);
  return {
    next: {
      books,
      told,
      world: after,
      invoiceId,
      reportedEarly: [...reportedEarly, ...(intent !== undefined && isEarly ? [intent] : [])],
    },
    faults: [
      ...charges.filter(isReported).flatMap((charge) => [...unrecordedOf(charge, after, told)]),
      // A cancel asks Stripe what was paid.
      ...charges.flatMap((charge) => (change.status === "canceled" ? [...rowsMissingOf(charge, after)] : [])),
    ],
    isSettled: change.superseded !== true,
  };
}
interface Outcome {
  readonly next?: Moment;
  readonly faults: readonly string[];
  readonly isSettled: boolean;
}
interface ReportParams {
  readonly invoiceId?: string;
  readonly paymentIntentId?: string;
}

/** Lives one life, holding after every operation what must always hold; tells every status and kind that it came through. */
function live([registration, requested]: Life): ReadonlySet<string> {
  const world = register(registration);
  let today = registeredOn;
  expect([...contradictionsIn(world, today)]).toEqual([]);
  let moment: Moment = { world, books: new StripeBooks(world), told: new Map(), invoiceId: "in_9", reportedEarly: [] };
  const seen = new Set<string>([world.contract.status]);
  for (const request of requested) {
    today = daysAfter(today, request.daysLater);
    const { next, faults, isSettled } = carryOut(moment, request, today);
    if (isSettled) seen.add(request.kind);
    if (next === undefined) {
      expect(faults).toEqual([]);
      break;
    }
    const turn = { kind: request.kind, before: moment.world, after: next.world, today };
    expect([...faults, ...faultsOf(turn, next.books)]).toEqual([]);
    seen.add(next.world.contract.status);
    moment = next;
  }
  return seen;
}

describe("whatever is asked, no end is undone, no payment lost, doubled or refunded twice, and no license free, of contracts that", () => {
  for (const [name, lives] of Object.entries(families)) {
    test(name, () => {
      fc.assert(
        fc.property(lives, (life) => {
          live(life);
        }),
        { numRuns: 140 },
      );
    }, 60_000);
  }
});

test("the lives that are tried come through every status, and something comes of every kind", () => {
  const tried = Object.values(families).flatMap((lives) => fc.sample(lives, { numRuns: 25, seed: 20_241_008 }));
  const seen = new Set(tried.flatMap((life) => [...live(life)]));
  const kinds = operationKinds.filter((kind) => kind !== "register");
  expect([...contractStatuses, ...kinds].filter((each) => !seen.has(each))).toEqual([]);
}, 60_000);

const missing = fc.record({
  kind: fc.constantFrom("record_payment_failure", "record_subscription_change"),
  state: fc.constantFrom("due", "never_charged"),
  earlier: fc.uniqueArray(fc.integer({ min: 0, max: 2 })),
});

/** No life leads to a license of money that never came, so this begins with one. */
test("nothing stays open of a period that turns out to be unpaid, and everything of those that are paid", () => {
  fc.assert(
    fc.property(missing, ({ kind, state, earlier }) => {
      const payments = [...makePeriods(earlier), makePayment({ period: 3, state })];
      const world = makeWorld({ contract: { paymentMethod: "card" }, payments, licenses: openFor(payments) });
      const invoice = invoiceSeen("in_3", "open", { lines: [periodLine("2025-01-08")] });
      const subscription = subscriptionSeen({ stripeSubscriptionStatus: "past_due" });
      const params =
        kind === "record_payment_failure" ? { invoiceId: "in_3", attempt: 1 } : { subscriptionId: "sub_1" };
      const facts = makeFacts(kind, { world, params, actor: { type: "stripe", id: "evt_1" } });
      const change = settled(playWith(facts, ({ name }) => (name === "invoice" ? invoice : subscription)));
      const { licenses, contract } = applyChange(world, change, noonOf(registeredOn));
      expect(contract.status).toBe("payment_unconfirmed");
      const open = licenses.filter(({ revokedBecause }) => revokedBecause === null);
      expect(open.map(({ paymentId }) => paymentId)).toEqual(makePeriods(earlier).map(({ id }) => id));
    }),
    { numRuns: 30 },
  );
}, 60_000);
