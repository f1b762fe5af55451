import { describe, expect, test } from "vitest";
import type { Facts } from "../../../src/contract/operation.ts";
import type { Answer } from "../../../src/contract/step.ts";
import { foreseeOperation } from "../../../src/execution/foresee-operation.ts";
import type { GatewayReply, StripeGateway } from "../../../src/stripe/gateway.ts";
import {
  makeCatalog,
  makeFacts,
  makePayment,
  makePeriods,
  makeProduct,
  makeRunningWorld,
  makeWorld,
  openFor,
} from "../../support/facts.ts";
import { refundsSeen, subscriptionSeen } from "../contract/support/stripe-answers.ts";

const unstopped = new AbortController().signal;

/** A gateway of which only looks are expected, each answered alike; it tells what was looked at. */
function lookingGateway(answer: GatewayReply<Answer>): { gateway: StripeGateway; looks: string[] } {
  const looks: string[] = [];
  const gateway = new Proxy({} as StripeGateway, {
    get: (_, verb: string) => async () => {
      looks.push(verb);
      return answer;
    },
  });
  return { gateway, looks };
}

const saying = (value: Answer) => lookingGateway({ type: "done", value, requestId: null }).gateway;
const silent = lookingGateway({ type: "not_now", reason: "unreachable", requestId: null }).gateway;

async function digestOf(facts: Facts, gateway: StripeGateway = silent): Promise<string> {
  const foreseen = await foreseeOperation(gateway, facts, new Map(), unstopped);
  if (foreseen.type !== "plan") throw new Error(foreseen.type);
  return foreseen.plan.digest;
}

const byCard = makePeriods([0, 1, 2, 3]).map((payment, n) => ({ ...payment, stripePaymentIntentId: `pi_${n}` }));
const cardWorld = makeWorld({ contract: { paymentMethod: "card" }, payments: byCard, licenses: openFor(byCard) });
const refunding = makeFacts("refund_payment", { world: cardWorld, params: { paymentId: "c-1:period:1" } });

describe("the digest of a plan", () => {
  test("is 64 hexadecimal digits", async () => {
    expect(await digestOf(makeFacts("suspend", { world: makeRunningWorld() }))).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ["what is settled at once", makeFacts("suspend", { world: makeRunningWorld() }), silent],
    [
      "what is paid the moment it is asked",
      makeFacts("confirm_payment", {
        world: makeWorld({ contract: { status: "awaiting_payment" }, payments: [makePayment({ state: "due" })] }),
      }),
      silent,
    ],
    ["a refund", refunding, saying(refundsSeen(1_980))],
    [
      "a termination",
      makeFacts("reserve_termination", {
        world: makeRunningWorld({ paymentMethod: "card" }),
      }),
      saying(subscriptionSeen()),
    ],
    ["a refusal", makeFacts("resume", { world: makeRunningWorld() }), silent],
  ])("of %s is the same a minute later, for another asker and under another id", async (_, facts, gateway) => {
    const later: Facts = {
      ...facts,
      takenAt: facts.takenAt.replace("03:00:00", "03:01:00"),
      operation: { ...facts.operation, id: "op-2", actor: { type: "service", id: "shop" } },
    };
    expect(later.takenAt).not.toBe(facts.takenAt);
    expect(await digestOf(later, gateway)).toBe(await digestOf(facts, gateway));
  });

  test("does not depend on versions, nor on the order in which rows and keys were read", async () => {
    const { world } = refunding;
    if (world === null) throw new Error("there is a contract");
    const contract = Object.fromEntries(Object.entries({ ...world.contract, version: 9 }).toReversed());
    const reread = {
      ...world,
      contract: contract as unknown as typeof world.contract,
      payments: world.payments.toReversed(),
    };
    const gateway = saying(refundsSeen(1_980));
    expect(await digestOf({ ...refunding, world: reread }, gateway)).toBe(await digestOf(refunding, gateway));
  });

  test.each<readonly [string, Facts, StripeGateway, Facts, StripeGateway]>([
    [
      "another amount left at Stripe",
      refunding,
      saying(refundsSeen(1_980)),
      refunding,
      saying(refundsSeen(1_980, 1_000)),
    ],
    [
      "another payment",
      refunding,
      saying(refundsSeen(1_980)),
      makeFacts("refund_payment", { world: cardWorld, params: { paymentId: "c-1:period:2" } }),
      saying(refundsSeen(1_980)),
    ],
    [
      "a license that is taken too",
      refunding,
      saying(refundsSeen(1_980)),
      makeFacts("refund_payment", { world: cardWorld, params: { paymentId: "c-1:period:1", revokeLicense: true } }),
      saying(refundsSeen(1_980)),
    ],
    [
      "another contract",
      makeFacts("suspend", { world: makeRunningWorld() }),
      silent,
      {
        ...makeFacts("suspend", { world: makeRunningWorld() }),
        operation: { ...makeFacts("suspend").operation, contractId: "c-2" },
      },
      silent,
    ],
    [
      "another status before",
      makeFacts("suspend", { world: makeRunningWorld() }),
      silent,
      makeFacts("suspend", { world: makeRunningWorld({ status: "termination_reserved" }) }),
      silent,
    ],
    [
      "a reservation that cannot be withdrawn",
      makeFacts("reserve_termination", { world: makeRunningWorld() }),
      silent,
      makeFacts("reserve_termination", {
        world: { ...makeRunningWorld(), product: makeProduct({ automaticTerminationMonth: "2025-02" as never }) },
      }),
      silent,
    ],
    [
      "another period at Stripe",
      makeFacts("reserve_termination", { world: makeRunningWorld({ paymentMethod: "card" }) }),
      saying(subscriptionSeen()),
      makeFacts("reserve_termination", { world: makeRunningWorld({ paymentMethod: "card" }) }),
      saying(subscriptionSeen({ currentPeriodEndAt: "2025-02-09T00:00:00Z" })),
    ],
    [
      "another new subscription",
      makeFacts("replace_subscription", {
        world: makeRunningWorld({ paymentMethod: "card" }),
        params: { subscriptionId: "sub_2" },
        catalog: makeCatalog(),
      }),
      saying(subscriptionSeen()),
      makeFacts("replace_subscription", {
        world: makeRunningWorld({ paymentMethod: "card" }),
        params: { subscriptionId: "sub_3" },
        catalog: makeCatalog(),
      }),
      saying(subscriptionSeen()),
    ],
    [
      "a refusal for another reason",
      makeFacts("resume", { world: makeRunningWorld() }),
      silent,
      makeFacts("resume", { world: makeRunningWorld({ paymentMethod: "card" }) }),
      silent,
    ],
    [
      "a refusal for the same reason of something else",
      makeFacts("waive_refund", { world: makeRunningWorld(), params: { refundId: "r-1" } }),
      silent,
      makeFacts("waive_refund", { world: makeRunningWorld(), params: { refundId: "r-2" } }),
      silent,
    ],
  ])("is another for %s", async (_, one, itsGateway, other, anotherGateway) => {
    expect(await digestOf(other, anotherGateway)).not.toBe(await digestOf(one, itsGateway));
  });
});

describe("foreseeing an operation", () => {
  test("looks at nothing that was looked at already, and only looks", async () => {
    const { gateway, looks } = lookingGateway({ type: "done", value: refundsSeen(1_980), requestId: null });
    await foreseeOperation(gateway, refunding, new Map(), unstopped);
    expect(looks).toEqual(["listRefunds"]);
    const seen = new Map<string, Answer>([["refunds_of:c-1:period:1", refundsSeen(1_980)]]);
    expect(await foreseeOperation(gateway, refunding, seen, unstopped)).toMatchObject({ type: "plan" });
    expect(looks).toEqual(["listRefunds"]);
    expect([...seen.keys()]).toEqual(["refunds_of:c-1:period:1"]);
  });

  test("tells what Stripe said where it could not be looked at", async () => {
    expect(await foreseeOperation(silent, refunding, new Map(), unstopped)).toEqual({
      type: "unseen",
      lookName: "refunds_of:c-1:period:1",
      reply: { type: "not_now", reason: "unreachable", requestId: null },
    });
  });

  test("begins no look once it is to stop", async () => {
    const { gateway, looks } = lookingGateway({ type: "done", value: refundsSeen(1_980), requestId: null });
    expect(await foreseeOperation(gateway, refunding, new Map(), AbortSignal.abort())).toEqual({ type: "stopped" });
    expect(looks).toEqual([]);
  });
});
