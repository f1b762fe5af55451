import { describe, expect, it } from "vitest";
import type { FinalEvidence, Tables } from "../../chaos/judge/evidence.ts";
import { restJudges, safetyJudges } from "../../chaos/judge/index.ts";
import { follow } from "../../chaos/judge/life.ts";
import {
  call,
  contract,
  effect,
  evidence,
  operation,
  payment,
  refund,
  refundOperation,
  request,
  reserve,
  rest,
  tables,
  taken,
} from "./evidence.ts";

const judges = [...safetyJudges, ...restJudges];

function judge(id: string, given: FinalEvidence) {
  const found = judges.find((each) => each.id === id);
  if (found === undefined) throw new Error(`there is no judge ${id}`);
  return found.judge(given);
}

/** The world in which all is well, but for what its tables say otherwise. */
function withTables(changed: Partial<Tables>): FinalEvidence {
  return { ...evidence, tables: { ...tables, ...changed } };
}

/** One thing that is wrong, and whose business it is. */
const planted: readonly { readonly id: string; readonly what: string; readonly given: FinalEvidence }[] = [
  {
    id: "I1",
    what: "a refund row that was carried out twice",
    given: { ...evidence, ledger: [...evidence.ledger, effect({ objectId: "re_2", charge: "ch_other" })] },
  },
  {
    id: "I1",
    what: "more refunded than was taken",
    given: { ...evidence, ledger: [taken, effect({ amount: 1_981 })] },
  },
  {
    id: "I2",
    what: "an accepted operation that is nowhere",
    given: { ...evidence, told: [{ at: 1, operationId: "lost-1", contractId: "c1", said: "accepted" }] },
  },
  {
    id: "I2",
    what: "an operation that is open",
    given: withTables({ operations: [operation({ state: "requested" })] }),
  },
  {
    id: "I2",
    what: "a held one of which nobody was told",
    given: withTables({ operations: [operation({ state: "held" })] }),
  },
  { id: "I3", what: "a call that Stripe never heard", given: { ...evidence, requests: [] } },
  { id: "I3", what: "a refund that was not made", given: { ...evidence, ledger: [taken] } },
  {
    id: "I3",
    what: "a subscription that runs on",
    given: { ...evidence, seenCalls: [call({ request: { verb: "cancel_subscription", subscriptionId: "sub_c1" } })] },
  },
  {
    id: "I3",
    what: "an effect of a key that took place twice",
    given: { ...evidence, ledger: [...evidence.ledger, effect()] },
  },
  {
    id: "I4",
    what: "an effect of nobody's",
    given: { ...evidence, ledger: [effect({ idempotencyKey: "keiyaku:nobody:refund:1" })] },
  },
  {
    id: "I4",
    what: "an effect of an operation that was rejected",
    given: { ...evidence, ledger: [effect({ idempotencyKey: "keiyaku:cancel-c1:refund:1" })] },
  },
  {
    id: "I5",
    what: "an end that changes",
    given: withTables({
      operations: [operation({ outcome: { statusBefore: null, statusAfter: "awaiting_payment" } })],
    }),
  },
  { id: "I5", what: "an operation that vanishes", given: withTables({ operations: [] }) },
  {
    id: "I5",
    what: "two mails for one cause",
    given: withTables({
      notifications: [...tables.notifications, ...tables.notifications.map((row) => ({ ...row, id: 2 }))],
    }),
  },
  {
    id: "I6",
    what: "a status that no operation leads to",
    given: withTables({ contracts: [contract({ status: "terminated", termination_on: null })] }),
  },
  {
    id: "I6",
    what: "a reservation that nobody made",
    given: withTables({ operations: [operation(), refundOperation] }),
  },
  {
    id: "I6",
    what: "a break in the chain",
    given: withTables({
      operations: [
        operation(),
        { ...reserve, outcome: { statusBefore: "special_period", statusAfter: "termination_reserved" } },
      ],
    }),
  },
  {
    id: "I7",
    what: "two operations at work on a contract",
    given: withTables({
      operations: [operation({ state: "executing" }), { ...reserve, state: "held", occupies: true }],
    }),
  },
  {
    id: "I7",
    what: "two that called Stripe at the same time",
    given: {
      ...evidence,
      seenCalls: [...tables.calls, call({ operation_id: "reserve-c1", name: "other", first_sent_at_ms: 4_100 })],
    },
  },
  { id: "I8", what: "a version that falls", given: withTables({ contracts: [contract({ version: 6 })] }) },
  { id: "I8", what: "a change without a version", given: withTables({ contracts: [contract({ digest: "another" })] }) },
  { id: "I8", what: "a child row that changed alone", given: withTables({ payments: [payment({ state: "paid" })] }) },
  {
    id: "I8",
    what: "a change by nobody",
    given: withTables({ contracts: [contract({ version: 8, changed_by_operation_id: "nobody" })] }),
  },
  {
    id: "I9",
    what: "an end that was told, and is another",
    given: {
      ...evidence,
      told: [{ at: 1, operationId: "register-c1", contractId: "c1", said: { state: "rejected" } }],
    },
  },
  {
    id: "I9",
    what: "a refusal whose effect took place",
    given: { ...evidence, ledger: [effect({ idempotencyKey: "keiyaku:cancel-c1:refund:1" })] },
  },
  { id: "I10", what: "an event that never arrived", given: withTables({ events: [] }) },
  {
    id: "I10",
    what: "an event that waits",
    given: withTables({ events: [{ id: "evt_1", state: "received", operation_id: null }] }),
  },
  { id: "I10", what: "an event there twice", given: withTables({ events: [...tables.events, ...tables.events] }) },
  {
    id: "I10",
    what: "an event applied by nothing",
    given: withTables({ events: [{ id: "evt_1", state: "applied", operation_id: "nothing" }] }),
  },
  { id: "I11", what: "a subscription that is unknown", given: { ...evidence, rest: { ...rest, subscriptions: [] } } },
  {
    id: "I11",
    what: "a subscription that has ended",
    given: {
      ...evidence,
      rest: { ...rest, subscriptions: rest.subscriptions.map((each) => ({ ...each, status: "canceled" })) },
    },
  },
  {
    id: "I11",
    what: "a reservation that Stripe lacks",
    given: {
      ...evidence,
      rest: { ...rest, subscriptions: [{ id: "sub_c1", status: "active", cancelAtPeriodEnd: false, cancelAt: null }] },
    },
  },
  { id: "I13", what: "a date without a run", given: withTables({ runs: tables.runs.slice(1) }) },
  {
    id: "I13",
    what: "a renewal that was done twice",
    given: withTables({
      operations: ["20261127", "20261128"].map((run) =>
        operation({ id: `renew.c1.20261108.4.${run}`, kind: "renew", actor_type: "schedule" }),
      ),
    }),
  },
  {
    id: "I13",
    what: "a renewal that was not done",
    given: withTables({
      contracts: [contract({ status: "active", termination_on: null, renewal_due_on: "2026-11-27" })],
    }),
  },
  {
    id: "I14",
    what: "a mail that was taken twice",
    given: { ...evidence, mails: [...evidence.mails, ...evidence.mails] },
  },
  { id: "I14", what: "a mail that nobody took", given: { ...evidence, mails: [] } },
  {
    id: "I15",
    what: "a key with other parameters",
    given: { ...evidence, requests: [...evidence.requests, request({ parametersDigest: "others" })] },
  },
  {
    id: "I15",
    what: "a second key that no journal has",
    given: { ...evidence, requests: [request({ idempotencyKey: "keiyaku:refund-c1:refund:c1:period:0:2" })] },
  },
  { id: "I16", what: "a request that is in no journal", given: { ...evidence, seenCalls: [] } },
  { id: "I16", what: "a request before its journal", given: { ...evidence, requests: [request({ at: 3_900 })] } },
  {
    id: "I16",
    what: "a cancellation that is in no journal",
    given: {
      ...evidence,
      requests: [
        {
          sequence: 1,
          at: 1,
          method: "DELETE",
          path: "/v1/subscriptions/sub_c1",
          parametersDigest: "",
          requestId: "r",
          status: 200,
          replayed: false,
        },
      ],
    },
  },
  {
    id: "I17",
    what: "more requests than Stripe allows",
    given: { ...evidence, requests: [1, 2, 3].map((at) => request({ at })) },
  },
  {
    id: "I19",
    what: "an ended operation that occupies",
    given: withTables({ operations: [operation({ occupies: true })] }),
  },
  {
    id: "I19",
    what: "an open transaction",
    given: { ...evidence, rest: { ...rest, connections: [{ name: "keiyaku-worker", state: "idle in transaction" }] } },
  },
  { id: "I19", what: "too many connections", given: { ...evidence, rest: { ...rest, connectionsMax: 0 } } },
  {
    id: "I19",
    what: "files that are never closed",
    given: { ...evidence, rest: { ...rest, files: [{ name: "worker-0", before: 40, after: 400 }] } },
  },
  {
    id: "I20",
    what: "a start that changes something",
    given: { ...evidence, rest: { ...rest, restart: { before: { contracts: "1" }, after: { contracts: "2" } } } },
  },
  { id: "I21", what: "a payment that Stripe did not take", given: { ...evidence, ledger: [effect()] } },
  {
    id: "I21",
    what: "a refund that our books lack",
    given: withTables({ refunds: [refund({ state: "due", stripe_refund_id: null })] }),
  },
  {
    id: "I22",
    what: "a call without an answer",
    given: withTables({ calls: [call({ answer: null, learned_by: null })] }),
  },
  { id: "I22", what: "an answer from nowhere", given: withTables({ calls: [call({ learned_by: null })] }) },
  { id: "I22", what: "an answer by no request", given: withTables({ calls: [call({ request_id: null })] }) },
];

describe("the judges of a chaos run", () => {
  it.each(judges.map(({ id }) => id))("%s finds nothing where all is well, and has checked something", (id) => {
    const { checked, violations } = judge(id, evidence);
    expect(violations).toEqual([]);
    expect(checked).toBeGreaterThan(0);
  });

  it.each(planted)("$id finds $what", ({ id, given }) => {
    expect(judge(id, given).violations).not.toEqual([]);
  });

  it("are each shown something that is wrong", () => {
    expect(new Set(planted.map(({ id }) => id))).toEqual(new Set(judges.map(({ id }) => id)));
  });

  it("let an undone call be of an operation that was rejected", () => {
    const undone = ["1", "undo"].map((name) =>
      effect({
        effect: "subscription.updated",
        object: "subscription",
        objectId: "sub_c1",
        idempotencyKey: `keiyaku:cancel-c1:${name}:1`,
      }),
    );
    for (const id of ["I4", "I9"]) expect(judge(id, { ...evidence, ledger: undone }).violations).toEqual([]);
  });

  it("let a sending that was turned away be older than the one that the journal names", () => {
    const early = request({ at: 3_900, status: 429 });
    expect(judge("I16", { ...evidence, requests: [early] }).violations).toEqual([]);
  });
});

describe("a contract's life, as the judge tells it", () => {
  const led = (...kinds: readonly string[]) => [...follow(kinds.map((kind) => ({ kind, isSuperseded: false })))];

  it("leads from one place to the next", () => {
    expect(led("register", "confirm_payment", "suspend", "terminate")).toEqual(["terminated"]);
    expect(led("register", "reserve_termination", "withdraw_reservation")).toEqual(["active", "special_period"]);
  });

  it("leads nowhere where a step is not allowed", () => {
    expect(led("register", "terminate", "resume")).toEqual([]);
    expect(led("cancel")).toEqual([]);
  });

  it("leaves out what was superseded", () => {
    const kinds = [
      { kind: "register", isSuperseded: false },
      { kind: "terminate", isSuperseded: true },
      { kind: "cancel", isSuperseded: false },
    ];
    expect([...follow(kinds)]).toEqual(["canceled"]);
  });
});
