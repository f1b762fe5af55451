import { describe, expect, test } from "vitest";
import { nextStep } from "../../../src/contract/next.ts";
import { type Facts, type OperationKind, operationKinds } from "../../../src/contract/operation.ts";
import { rules } from "../../../src/contract/operations/index.ts";
import { makeFacts, makeTombstone, makeWorld } from "../../support/facts.ts";
import { leastParams } from "./support/params.ts";
import { ask } from "./support/play.ts";
import { askedBy, refusalOf } from "./support/refusals.ts";

const kindsOfAContract = operationKinds.filter((kind) => kind !== "register");

function setup(kind: OperationKind, parts: Partial<Facts> = {}): Facts {
  const world = makeWorld({ contract: { status: "awaiting_payment" } });
  return { ...makeFacts(kind, { world, params: leastParams[kind], actor: actorOf(kind) }), ...parts };
}

/** Somebody who may ask it. */
function actorOf(kind: OperationKind) {
  return { type: rules[kind].actors[0] ?? "operator", id: "alice" };
}

/** Kinds that people ask for, and those that can be asked for although the contract has been deleted. */
const askedByPeople = kindsOfAContract.filter((kind) => actorOf(kind).type === "operator");
const askedAfterDeletion = kindsOfAContract.filter((kind) => "nextAfterDeletion" in rules[kind]);

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
    ["cancel_manual_refund", "キャンセル(手動返金)"],
    ["cancel_with_refund", "キャンセルして返金"],
    ["confirm_payment", "支払いを確認"],
    ["suspend", "契約の停止"],
    ["resume", "契約停止の解除"],
    ["reserve_termination", "解約予約"],
    ["withdraw_reservation", "解約の取消"],
    ["terminate", "解約処理"],
    ["delete", "削除"],
    ["refund_payment", "部分返金"],
  ] as const)("calls the button of %s as the help page does", (kind, ja) => {
    expect(rules[kind].button.ja).toBe(ja);
  });
});

describe("parameters", () => {
  test.each(operationKinds)("of %s that nobody knows are refused, and named", (kind) => {
    const step = ask(withParams(setup(kind), { ...leastParams[kind], colour: "red" }), new Map());
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

  test("of a deleted contract is refused as deleted, unless it is about money that is still owed, or comes late", () => {
    const step = ask(setup(kind, { world: null, tombstone: makeTombstone() }), new Map());
    const isRefused = step.type === "reject" && step.rejection.code === "contract_deleted";
    expect(isRefused).toBe(!askedAfterDeletion.includes(kind));
  });

  test("is refused to people while another operation of the contract is held, which is named, and not to others", () => {
    const step = ask(setup(kind, { heldOperationId: "op-0" }), new Map());
    const held = { rejection: { code: "operation_held", detail: { operationId: "op-0" } } };
    if (askedByPeople.includes(kind)) expect(step).toMatchObject(held);
    else expect(step).not.toMatchObject(held);
  });

  test("is not refused because it was held itself", () => {
    expect(refusalOf(setup(kind, { heldOperationId: "op-1" }))).not.toBe("operation_held");
  });

  test("a customer may not ask it of another's contract", () => {
    expect(refusalOf(askedBy("customer", "cust-2")(setup(kind)))).toBe("actor_not_allowed");
  });
});
