import { describe, expect, test } from "vitest";
import { nextStep } from "../../../src/contract/next.ts";
import { type Facts, type OperationKind, operationKinds } from "../../../src/contract/operation.ts";
import { rules } from "../../../src/contract/operations/index.ts";
import { makeFacts, makeTombstone, makeWorld } from "../../support/facts.ts";
import { ask } from "./support/play.ts";
import { askedBy, refusalOf } from "./support/refusals.ts";

const kindsOfAContract = operationKinds.filter((kind) => kind !== "register");

function setup(kind: OperationKind, parts: Partial<Facts> = {}): Facts {
  return { ...makeFacts(kind, { world: makeWorld({ contract: { status: "awaiting_payment" } }) }), ...parts };
}

function withParams(facts: Facts, params: unknown): Facts {
  return { ...facts, operation: { ...facts.operation, params } };
}

describe("the registry", () => {
  test.each(operationKinds)("has the rule of %s under its own name, with a button in both languages", (kind) => {
    expect(rules[kind].kind).toBe(kind);
    expect(rules[kind].button.ja).toMatch(/[\p{Script=Han}\p{Script=Katakana}]/u);
    expect(rules[kind].button.en).toMatch(/^[A-Z][a-z ]+$/);
  });

  test.each([
    ["cancel", "キャンセル"],
    ["cancel_with_refund", "キャンセルして返金"],
    ["confirm_payment", "支払いを確認"],
    ["suspend", "契約の停止"],
    ["resume", "契約停止の解除"],
    ["reserve_termination", "解約予約"],
    ["withdraw_reservation", "解約の取消"],
    ["terminate", "解約処理"],
  ] as const)("calls the button of %s as the help page does", (kind, ja) => {
    expect(rules[kind].button.ja).toBe(ja);
  });
});

describe("parameters", () => {
  test.each(operationKinds)("of %s that nobody knows are refused, and named", (kind) => {
    const step = ask(withParams(setup(kind), { ...registration, colour: "red" }), new Map());
    expect(step).toMatchObject({
      type: "reject",
      rejection: { code: "invalid_request", detail: { field: expect.stringMatching(/^params\./) } },
    });
  });

  test.each([null, [], "text", 7])("that are %j are refused", (params) => {
    expect(nextStep(withParams(setup("cancel"), params), new Map())).toMatchObject({
      rejection: { code: "invalid_request", detail: { field: "params" } },
    });
  });

  test("that are left out are none", () => {
    expect(refusalOf(withParams(setup("cancel"), undefined))).toBeUndefined();
    expect(refusalOf(withParams(setup("confirm_payment"), undefined))).toBeUndefined();
  });

  test("a key of the requester's choosing cannot make a refusal endless", () => {
    const step = nextStep(withParams(setup("cancel"), { ["k".repeat(10_000)]: 1 }), new Map());
    expect(step.type === "reject" && step.rejection.detail.field).toHaveLength(120);
  });
});

describe.each(kindsOfAContract)("%s", (kind) => {
  test("of a contract that does not exist is refused", () => {
    expect(refusalOf(setup(kind, { world: null }))).toBe("contract_not_found");
  });

  test("of a deleted contract is refused as deleted, not as unknown", () => {
    expect(refusalOf(setup(kind, { world: null, tombstone: makeTombstone() }))).toBe("contract_deleted");
  });

  test("is refused to people while another operation of the contract is held, which is named", () => {
    const step = ask(setup(kind, { heldOperationId: "op-0" }), new Map());
    expect(step).toMatchObject({ rejection: { code: "operation_held", detail: { operationId: "op-0" } } });
  });

  test("is not refused because it was held itself", () => {
    expect(refusalOf(setup(kind, { heldOperationId: "op-1" }))).not.toBe("operation_held");
  });

  test("a customer may not ask it of another's contract", () => {
    expect(refusalOf(askedBy("customer", "cust-2")(setup(kind)))).toBe("actor_not_allowed");
  });
});

/** Enough for `register` to get to the parameter that it does not know. */
const registration = {
  productId: "p-1",
  customerId: "cust-1",
  kind: "monthly",
  paymentMethod: "other",
  priceMinor: 1,
  startOn: "2025-01-20",
};
