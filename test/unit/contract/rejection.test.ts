import { describe, expect, test } from "vitest";
import { contractKinds, contractStatuses } from "../../../src/contract/contract.ts";
import { nextStep } from "../../../src/contract/next.ts";
import { type Facts, operationKinds } from "../../../src/contract/operation.ts";
import {
  explainRejection,
  type Rejection,
  type RejectionCode,
  rejection,
  rejectionCodes,
  rejectionSentences,
} from "../../../src/contract/rejection.ts";
import type { Answer } from "../../../src/contract/step.ts";
import {
  makeCatalog,
  makeFacts,
  makePayment,
  makeRunningWorld,
  makeTombstone,
  makeWorld,
  nextRenewalOn,
  on,
} from "../../support/facts.ts";
import { leastParams } from "./support/params.ts";
import { done, missing, periodEndAt, subscriptionSeen } from "./support/stripe-answers.ts";

/** Codes that no rule uses: one belongs to the door, the other to what is held against the plan that was shown. */
const codesOfOthers: readonly RejectionCode[] = ["id_reused", "plan_changed"];

const paramsTried: readonly unknown[] = [{}, { colour: 1 }, { paidPeriods: [] }, { paidPeriods: [9] }, { period: 9 }];
const registration = { productId: "p-1", customerId: "cust-1", kind: "monthly", priceMinor: 1, startOn: "2025-01-20" };
const paymentsTried = [
  makePayment({ state: "due" }),
  makePayment({ state: "refunded" }),
  makePayment({ dispute: "lost" }),
];
const registrationsTried: readonly unknown[] = [
  { ...registration, paymentMethod: "card" },
  { ...registration, paymentMethod: "other", productId: "p 1" },
  { ...registration, paymentMethod: "other", specialMonths: 1 },
];
const actors = (["operator", "customer", "schedule"] as const).map((type) => ({ type, id: "cust-1" }));

/** What Stripe may say to `read_subscription` and to the calls on the subscription, in three worlds. */
const movedOn = subscriptionSeen({ currentPeriodStartAt: periodEndAt, currentPeriodEndAt: "2025-03-08T00:00:00Z" });
const stripeWorlds: readonly ReadonlyMap<string, Answer>[] = [
  new Map([["subscription", missing]]),
  new Map<string, Answer>([["subscription", movedOn]]),
  new Map<string, Answer>([
    ["subscription", subscriptionSeen()],
    ["reserve", done(movedOn)],
    ["undo_reserve", done(movedOn)],
    ["withdraw", done(missing)],
    ["new_subscription", missing],
  ]),
];

/** Requests of every kind for contracts of every sort, most of which some rule refuses. */
function* requests(): Generator<Facts> {
  for (const params of registrationsTried) yield { ...makeFacts("register", { params }), catalog: makeCatalog() };
  const [params] = registrationsTried;
  for (const kind of operationKinds) {
    yield makeFacts(kind, kind === "register" ? { params, world: makeRunningWorld() } : {});
    const least = kind === "register" ? params : leastParams[kind];
    yield makeFacts(kind, { params: least, tombstone: makeTombstone() });
    yield makeFacts(kind, { params: least, world: null, heldOperationId: "op-0" });
    for (const payment of paymentsTried) {
      const world = makeWorld({ contract: { paymentMethod: "card" }, payments: [payment] });
      yield makeFacts(kind, { params: { paymentId: payment.id }, world });
    }
    if (kind !== "register") yield makeFacts(kind, { world: makeRunningWorld(), heldOperationId: "op-0" });
    for (const status of contractStatuses)
      for (const contractKind of contractKinds)
        for (const paymentMethod of ["card", "other"] as const)
          for (const terminationSource of [null, "person", "product_month"] as const) {
            const terminationOn = terminationSource === null ? null : nextRenewalOn;
            const contract = { status, kind: contractKind, paymentMethod, terminationOn, terminationSource };
            const world = makeRunningWorld(contract);
            for (const today of [on("2025-01-20"), on("2024-12-20"), on("2025-02-08")])
              for (const actor of actors)
                for (const tried of [...paramsTried, leastParams[kind]])
                  yield makeFacts(kind, { world, today, actor, params: tried });
          }
  }
}

function rejections(): ReadonlyMap<string, Rejection> {
  const found = new Map<string, Rejection>();
  for (const facts of requests())
    for (const answers of stripeWorlds) {
      const step = nextStep(facts, answers);
      if (step.type !== "reject") continue;
      const { code, detail } = step.rejection;
      found.set(`${facts.operation.kind} ${code} ${Object.keys(detail).join()}`, step.rejection);
    }
  return found;
}

describe("rejections", () => {
  test.each(rejectionCodes)("%s has a sentence in Japanese and one in English", (code) => {
    const { ja, en } = rejectionSentences[code];
    expect(ja).toMatch(/\p{Script=Han}.*\p{Script=Hiragana}.*。$/u);
    expect(en).toMatch(/^[A-Z][\x20-\x7e]*\.$/);
  });

  test("every rule fills in every placeholder of the sentences for the codes it uses", () => {
    const found = rejections();
    for (const [where, refused] of found) {
      for (const locale of ["ja", "en"] as const) {
        expect(explainRejection(refused, locale), where).not.toMatch(/[?{}]/);
      }
    }
    const codes = new Set([...found.values()].map(({ code }) => code));
    expect([...codes, ...codesOfOthers].sort()).toEqual([...rejectionCodes].sort());
  });

  test("a detail is written into its sentence, in either language", () => {
    const refused = rejection("status_not_allowed", { status: "canceled", statusJa: "キャンセル" });
    expect(explainRejection(refused, "ja")).toContain("「キャンセル」");
    expect(explainRejection(refused, "en")).toContain(" canceled ");
  });

  test("a detail that is missing shows as a question mark, and one that looks like a placeholder stays text", () => {
    expect(explainRejection(rejection("renewal_date_today"), "en")).toContain("(?)");
    const refused = rejection("invalid_request", { field: "{problem}", problem: "is odd" });
    expect(explainRejection(refused, "en")).toBe("The request's {problem} is not valid: is odd.");
  });
});
