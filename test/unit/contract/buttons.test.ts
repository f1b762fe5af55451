import { describe, expect, test } from "vitest";
import { type Button, buttonKinds, buttonsOf, type ContractFacts } from "../../../src/contract/buttons.ts";
import type { Actor, Facts, OperationKind } from "../../../src/contract/operation.ts";
import {
  makeFacts,
  makePayment,
  makePeriods,
  makeRefund,
  makeRunningWorld,
  makeTombstone,
  makeWorld,
  openFor,
} from "../../support/facts.ts";
import { factsOf } from "./support/rule-cells.ts";
import { allCells, type Cell, nameOf, readTable } from "./support/rule-table.ts";

const operator: Actor = { type: "operator", id: "alice" };
const owner: Actor = { type: "customer", id: "cust-1" };

function contractFacts(parts: Partial<Facts> = {}): ContractFacts {
  const { operation, ...facts } = makeFacts("cancel", parts);
  return { ...facts, contractId: operation.contractId };
}

function buttonIn(buttons: readonly Button[], kind: OperationKind): Button {
  const button = buttons.find((candidate) => candidate.kind === kind);
  if (button === undefined) throw new Error(`${kind} is no button`);
  return button;
}

function allowedKinds(buttons: readonly Button[]): readonly OperationKind[] {
  return buttons.filter(({ allowed }) => allowed).map(({ kind }) => kind);
}

describe("the buttons of a contract", () => {
  test("are the kinds that people ask of a contract that is there, in the order of the specification", () => {
    const kinds = [
      "cancel",
      "cancel_manual_refund",
      "cancel_with_refund",
      "confirm_payment",
      "suspend",
      "resume",
      "reserve_termination",
      "withdraw_reservation",
      "terminate",
      "delete",
      "refund_payment",
      "record_manual_refund",
      "waive_refund",
      "replace_subscription",
    ];
    expect(buttonKinds).toEqual(kinds);
    expect(buttonsOf(contractFacts({ world: makeRunningWorld() }), operator).map(({ kind }) => kind)).toEqual(kinds);
  });

  test("of a running contract paid by bank transfer offer what the page offers for it, and ask nothing of Stripe", () => {
    const buttons = buttonsOf(contractFacts({ world: makeRunningWorld() }), operator);
    expect(allowedKinds(buttons)).toEqual(["suspend", "reserve_termination", "delete", "refund_payment"]);
    expect(buttons.filter((button) => button.allowed && button.asksStripe)).toEqual([]);
  });

  test("of one paid by card say that Stripe will be asked, and leave a renewal date of Stripe's to it", () => {
    const buttons = buttonsOf(contractFacts({ world: makeRunningWorld({ paymentMethod: "card" }) }), operator);
    expect(allowedKinds(buttons)).toEqual(["reserve_termination", "delete", "refund_payment", "replace_subscription"]);
    expect(buttonIn(buttons, "reserve_termination")).toMatchObject({ allowed: true, asksStripe: true });
    expect(buttonIn(buttons, "suspend")).toMatchObject({ allowed: false, rejection: { code: "collected_by_stripe" } });
  });

  test("say why not in the rule's own words, in Japanese and English", () => {
    const world = makeWorld({ contract: { status: "awaiting_payment" } });
    expect(buttonIn(buttonsOf(contractFacts({ world }), operator), "suspend")).toEqual({
      kind: "suspend",
      button: { ja: "契約の停止", en: "Suspend" },
      summary: expect.objectContaining({ ja: expect.any(String), en: expect.any(String) }),
      allowed: false,
      rejection: {
        code: "status_not_allowed",
        detail: { status: "awaiting_payment", statusJa: "決済待ち" },
      },
      sentence: {
        ja: "契約ステータスが「決済待ち」のため、この操作はできません。",
        en: "The contract's status awaiting_payment does not allow this.",
      },
    });
  });

  test("offer to its customer only what customers may ask, and nothing to a stranger", () => {
    const facts = contractFacts({ world: makeRunningWorld() });
    expect(allowedKinds(buttonsOf(facts, owner))).toEqual(["reserve_termination"]);
    const stranger = buttonsOf(facts, { type: "customer", id: "cust-2" });
    expect(new Set(stranger.map((button) => (button.allowed ? "allowed" : button.rejection.code)))).toEqual(
      new Set(["actor_not_allowed"]),
    );
  });

  test("wait for a held operation, whatever its id is", () => {
    for (const heldOperationId of ["op-0", "button", "buttons", "preview", "op-1"]) {
      const buttons = buttonsOf(contractFacts({ world: makeRunningWorld(), heldOperationId }), operator);
      expect(allowedKinds(buttons), heldOperationId).toEqual([]);
      expect(buttons[0]).toMatchObject({
        rejection: { code: "operation_held", detail: { operationId: heldOperationId } },
      });
    }
  });

  test("of a contract that is not there are all refused as that", () => {
    const codes = buttonsOf(contractFacts(), operator).map((button) => !button.allowed && button.rejection.code);
    expect(new Set(codes)).toEqual(new Set(["contract_not_found"]));
  });
});

describe("a button that needs parameters", () => {
  const payments = [
    makePayment({ subject: "initial_fee", state: "refunded" }),
    ...makePeriods([0, 1], { amountMinor: 1_980 }),
    makePayment({ period: 2, state: "unpaid" }),
  ];
  const second = payments[1] ?? makePayment();
  const world = makeWorld({
    payments,
    licenses: openFor(makePeriods([0, 1])),
    refunds: [makeRefund(second, { amountMinor: 500, state: "manual_done" })],
  });

  test("offers each payment of which something is left, with what is left", () => {
    expect(buttonIn(buttonsOf(contractFacts({ world }), operator), "refund_payment")).toMatchObject({
      allowed: true,
      asksStripe: false,
      choices: [
        { params: { paymentId: "c-1:period:0" }, amountMinor: 1_480 },
        { params: { paymentId: "c-1:period:1" }, amountMinor: 1_980 },
      ],
    });
  });

  test("offers each refund that is owed, and none that is settled", () => {
    const owed = makeRefund(makePayment({ period: 1 }), { state: "manual_due", amountMinor: 1_980 });
    const owing = { ...world, refunds: [...world.refunds, owed] };
    for (const kind of ["record_manual_refund", "waive_refund"] as const) {
      expect(buttonIn(buttonsOf(contractFacts({ world: owing }), operator), kind)).toMatchObject({
        allowed: true,
        choices: [{ params: { refundId: "c-1:period:1:refund:1" }, amountMinor: 1_980 }],
      });
    }
  });

  test("is refused by its rule where there is nothing to choose", () => {
    const buttons = buttonsOf(contractFacts({ world: makeWorld() }), operator);
    expect(buttonIn(buttons, "refund_payment")).toMatchObject({
      rejection: { code: "payment_not_found", detail: {} },
      sentence: { ja: "この契約に支払いはありません。", en: "The contract has no payments." },
    });
    expect(buttonIn(buttons, "waive_refund")).toMatchObject({
      rejection: { code: "refund_not_owed", detail: {} },
      sentence: { ja: "返金待ちの返金はありません。", en: "No refund is owed." },
    });
  });

  test("comes with the confirmation that a deletion asks for", () => {
    expect(buttonIn(buttonsOf(contractFacts({ world }), operator), "delete")).toMatchObject({
      allowed: true,
      choices: [{ params: { confirm: "c-1" }, amountMinor: null }],
    });
  });

  test("offers no subscription of its own making, where only a person knows the new one", () => {
    const byCard = makeRunningWorld({ paymentMethod: "card" });
    expect(buttonIn(buttonsOf(contractFacts({ world: byCard }), operator), "replace_subscription")).toMatchObject({
      allowed: true,
      asksStripe: true,
      choices: [],
    });
  });
});

describe("what remains of a deleted contract", () => {
  test("offers what is still owed, and nothing else", () => {
    const payment = makePayment({ stripePaymentIntentId: "pi_1" });
    const buried = { ...payment, paymentId: payment.id, paidAt: "2024-10-08T01:00:00Z", refundId: null };
    const tombstone = makeTombstone({
      payments: [
        { ...buried, result: "refund_owed" },
        { ...buried, paymentId: "c-1:period:1", result: "refunded" },
      ],
      refunds: [makeRefund(payment, { state: "due" })],
    });
    const buttons = buttonsOf(contractFacts({ tombstone }), operator);
    expect(allowedKinds(buttons)).toEqual(["refund_payment", "record_manual_refund", "waive_refund"]);
    expect(buttonIn(buttons, "refund_payment")).toMatchObject({
      asksStripe: true,
      choices: [{ params: { paymentId: payment.id }, amountMinor: 1_980 }],
    });
    expect(buttonIn(buttons, "cancel")).toMatchObject({ rejection: { code: "contract_deleted" } });
  });
});

describe("over every contract that can be", () => {
  const impossible = readTable("impossible", ["contract", "paidBy", "status", "reservedBy"], false);
  const possible = [...allCells()].filter((cell) => !impossible.some((row) => row.fits(cell)));

  /** Whether the button and the hand-written table of its kind say the same of a contract. */
  function disagreement(kind: OperationKind, cell: Cell, answer: string): string | undefined {
    const { operation, ...facts } = factsOf(kind, cell);
    const button = buttonIn(buttonsOf({ ...facts, contractId: "c-1" }, operation.actor), kind);
    const isCarriedOut = answer.startsWith("ok ");
    if (!button.allowed) return button.rejection.code === answer ? undefined : `no: ${button.rejection.code}`;
    // What our own facts allow, Stripe may still speak against; and another payment than the table's may be refunded.
    const mayDiffer = button.asksStripe || kind === "refund_payment";
    return isCarriedOut || mayDiffer ? undefined : "yes";
  }

  test.each(buttonKinds)("%s is offered where its table carries it out, and refused with the table's code", (kind) => {
    const rows = readTable(kind, ["actor", "contract", "paidBy", "status", "reservedBy", "day"]);
    const wrong = possible.flatMap((cell) => {
      const answer = rows.find((row) => row.fits(cell))?.answer ?? "nothing";
      const found = disagreement(kind, cell, answer);
      return found === undefined ? [] : [`${nameOf(cell)}: ${found}, where the table says ${answer}`];
    });
    expect(wrong.slice(0, 10)).toEqual([]);
  });
});
