import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { describe, expect, it } from "vitest";
import type { Change } from "../../../src/contract/change.ts";
import type { Facts } from "../../../src/contract/operation.ts";
import { admitOperation } from "../../../src/store/admit-operation.ts";
import { noteLooked } from "../../../src/store/book-checks.ts";
import {
  applyEvent,
  holdEvent,
  ignoreEvent,
  keepEventUnmatched,
  letEventRest,
  putOffEvent,
} from "../../../src/store/conclude-event.ts";
import { Database } from "../../../src/store/database.ts";
import { abandonHeldOperation, retryHeldOperation } from "../../../src/store/decide-held-operation.ts";
import { holdOperation } from "../../../src/store/hold-operation.ts";
import {
  giveSignOfLife,
  journalAnswer,
  journalIntent,
  journalLook,
  journalResend,
} from "../../../src/store/journal.ts";
import { requestDue } from "../../../src/store/maintenance-runs.ts";
import { putBackOperation } from "../../../src/store/put-back-operation.ts";
import { rejectOperation } from "../../../src/store/reject-operation.ts";
import { requestRepair } from "../../../src/store/request-repair.ts";
import { settleOperation } from "../../../src/store/settle-operation.ts";
import { settleRequests } from "../../../src/store/settle-requests.ts";
import { addressOf } from "../../support/test-database.ts";

/** Keeps the text of each statement instead of running it. */
class RecordingDatabase extends Database {
  readonly statements = new Map<string, string>();
  readonly #dialect = new PgDialect();

  override async run<T extends Record<string, unknown>>(name: string, statement: SQL): Promise<T[]> {
    this.statements.set(name, this.#dialect.sqlToQuery(statement).sql);
    return [];
  }
}

const guard = { operationId: "op-1", state: "executing", attempt: 1 } as const;
const held = { ...guard, state: "held" } as const;
const contract = { contractId: "c-1", version: 1 };
const look = {
  name: "seen",
  look: { verb: "read_subscription", subscriptionId: "sub_1" },
  answer: { type: "missing" },
  requestId: "req_seen",
} as const;
const terms = { id: "c-1", startOn: "2024-10-08" } as never;

/** A change of everything that a contract which stands may change of. */
const everything: Change = {
  status: "terminated",
  reservation: { terminationOn: "2025-02-08" as never, terminationSource: "person" },
  newPayments: [{} as never],
  paymentMoves: [{ id: "p", from: "due", to: "paid" }],
  newRefunds: [
    {
      id: "r",
      paymentId: "p",
      amountMinor: 1,
      state: "due",
      stripePaymentIntentId: "pi_1",
      stripeRefundId: null,
      supersedes: ["r0"],
    },
  ],
  refundMoves: [{ id: "r2", from: "due", to: "waived" }],
  disputes: [{ paymentId: "p9", dispute: "open" }],
  subscriptionId: "sub_2",
  licenses: [
    { type: "granted", paymentId: "p1" },
    { type: "restored", paymentId: "p2", from: "suspended" },
    { type: "revoked", paymentId: "p3", because: "canceled" },
  ],
  notices: [
    { kind: "contract_terminated", recipient: "customer", detail: {} },
    { kind: "contract_suspended", recipient: "customer", detail: { period: 1 }, cause: "shared" },
  ],
};

/** Calls every writer with everything that it can write at once. */
async function recordAll(): Promise<Map<string, string>> {
  const address = addressOf("postgres://nobody@127.0.0.1:1/nothing");
  const db = new RecordingDatabase({ address, poolSize: 1, applicationName: "recording" });
  await admitOperation(db, guard, contract);
  const calls = { turnedAway: "seen", renewed: { name: "void", nextKey: "key" } };
  await putBackOperation(db, guard, { reason: "rate_limited", delayMs: 1, counted: false, ...calls });
  await rejectOperation(db, guard, "c-1", contract, { code: "status_not_allowed", detail: { status: "canceled" } });
  const refund = {
    isNew: true,
    refundId: "r",
    paymentId: "p",
    amountMinor: 1,
    stripePaymentIntentId: "pi_1",
    supersedes: ["r0"],
  };
  const owed = { contract, refund };
  await holdOperation(db, guard, "c-1", { code: "refund_limit_exceeded", detail: {} }, owed);
  await retryHeldOperation(db, held, { operatorId: "alice", reason: "by hand" });
  await abandonHeldOperation(db, held, { operatorId: "alice", reason: "by hand" });
  await journalIntent(db, guard, contract, {
    name: "refund",
    call: { verb: "refund_payment", refundId: "r", paymentIntentId: "pi_1", amountMinor: 1 },
    idempotencyKey: "key",
    refund,
    counted: { amountMinor: 1, limitMinor: 10 },
    frozen: { facts: {} as Facts, looks: [look] },
  });
  await journalResend(db, guard, { name: "refund", keyNumber: 1, nextKey: "key 2" });
  await journalAnswer(db, guard, contract, {
    name: "refund",
    answer: { type: "missing" },
    learnedBy: "reply",
    requestId: null,
    refund: { refundId: "r", to: "succeeded", stripeRefundId: "re_1" },
  });
  await journalLook(db, guard, look);
  await giveSignOfLife(db, guard);
  await settleOperation(db, {
    guard,
    contractId: "c-1",
    contract,
    product: { id: "p-1", version: 1 },
    outcome: {},
    change: {
      registration: {
        contract: terms,
        product: {} as never,
        customer: {} as never,
        signup: { appliedAt: "2025-01-20T03:00:00Z", channel: "web" },
      },
      ...everything,
    },
  });
  await settleRequests(db, [
    {
      request: {},
      takenAt: "2025-01-20T03:00:00Z",
      outcome: {},
      decision: {
        operationId: "op-1",
        contractId: "c-1",
        contract,
        product: { id: "p-1", version: 1 },
        change: everything,
      },
    },
  ]);
  const seen = {
    id: "evt_1",
    type: "invoice.paid",
    state: "received",
    looks: 0,
    lookAt: "2025-01-20T03:00:00Z",
    createdAt: "2025-01-20T03:00:00Z",
  } as const;
  const asked = {
    operationId: "stripe.evt_1",
    kind: "record_payment",
    params: {},
    contractId: "c-1",
    isDeleted: true,
  } as const;
  await applyEvent(db, seen, asked);
  await ignoreEvent(db, seen, { reason: "own_call", contractId: "c-1", isDeleted: true });
  await putOffEvent(db, seen, { reason: "own_call_open: op-1", contractId: "c-1", looks: 1, delayMs: 1 });
  await keepEventUnmatched(db, seen, { reason: "no_contract: sub_1", looks: 1, delayMs: 1 });
  await letEventRest(db, seen, { reason: "no_contract: sub_1", reference: "sub_1", looks: 1 });
  await holdEvent(db, seen, "unreadable: body");
  const check = { id: 1, cursor: "", total: 2, looked: 0, counts: {} };
  await noteLooked(db, check, { cursor: "c-1", looked: 1, counts: {}, findings: [], isLast: false });
  const repair = {
    operationId: "reconcile.1",
    kind: "record_payment",
    params: {},
    mayRefund: false,
    ...contract,
  } as const;
  await expect(requestRepair(db, repair)).rejects.toThrow("is one row");
  const date = "2025-01-20" as never;
  await requestDue(db, { date, phase: "renew", cursor: ["-infinity", ""], requested: 0, rungUpTo: 0 }, 10);
  return db.statements;
}

/** The table that each part of a guarded statement updates or deletes from; parts that insert or read are left out. */
function updatesOf(text: string): Map<string, string> {
  const updates = new Map<string, string>();
  const [, ...parts] = text.split(/(?:^with|,) "(?=[a-z_]+" as \()/);
  for (const part of parts) {
    const [, name, table] = /^([a-z_]+)" as \((?:update|delete from) keiyaku\.([a-z_]+)/.exec(part) ?? [];
    if (name !== undefined && table !== undefined) updates.set(name, table);
  }
  return updates;
}

/** Parts of one statement that update the same table, as `table: part, part`. */
function sameTable(updates: Map<string, string>): string[] {
  return [...new Set(updates.values())]
    .map((table) => ({ table, parts: [...updates.keys()].filter((name) => updates.get(name) === table) }))
    .filter(({ parts }) => parts.length > 1)
    .map(({ table, parts }) => `${table}: ${parts.join(", ")}`);
}

async function namesInSource(): Promise<string[]> {
  const folder = join(import.meta.dirname, "..", "..", "..", "src");
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".ts"));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return texts.flatMap((text) =>
    [
      ...text.matchAll(
        /\.run(?:<[^>]*>)?\(\s*"(\w+)",\s*(?:guarded|settling)Statement\(|runFreeing\(\s*\w+,\s*"(\w+)"/g,
      ),
    ].map(([, plain, freeing]) => `${plain ?? freeing}`),
  );
}

describe("the writers of the store", () => {
  it("are all looked at here", async () => {
    expect([...(await recordAll()).keys()].sort()).toEqual((await namesInSource()).sort());
  });

  it("count every part but those that may meet nothing by design", async () => {
    for (const [name, text] of await recordAll()) {
      const names = [...text.matchAll(/"([a-z_]+)" as \(/g)].map(([, part]) => part);
      const counted = [...text.matchAll(/count\(\*\) from "([a-z_]+)"\)/g)].map(([, part]) => part);
      const uncounted = names.filter((part) => !counted.includes(part));
      const expected: Record<string, string[]> = {
        hold_operation: ["waiting"],
        settle_operation: ["cataloged_customer", "shared_notices", "awaiting_events"],
        settle_requests: ["shared_notices", "awaiting_events"],
        apply_event: ["turn", "waiting_already", "accepted"],
        request_repair: ["turn", "asked_before", "accepted"],
        let_event_rest: ["notice"],
        hold_event: ["notice"],
        request_due: ["page", "accepted"],
      };
      expect({ name, uncounted }).toEqual({ name, uncounted: expected[name] ?? [] });
    }
  });

  it("ring for senders of mail after they have taken effect, not while they hold the server's lock for that", async () => {
    for (const [name, text] of await recordAll()) {
      const rung = [...text.matchAll(/pg_notify\(([^,]+),/g)].map(([, channel]) => channel);
      expect([name, rung.filter((channel) => channel !== "'keiyaku_event'")]).toEqual([name, []]);
    }
  });

  it("update a table in two parts only where the rows cannot be the same", async () => {
    const statements = await recordAll();
    const pairs = [...statements].flatMap(([name, text]) =>
      sameTable(updatesOf(text)).map((pair) => `${name}: ${pair}`),
    );
    expect(pairs).toEqual([
      "put_back_operation: stripe_calls: unsent, renewed",
      "hold_operation: operations: operation, waiting",
      "settle_operation: payments: disputed_payments, moved_payments",
      "settle_operation: refunds: superseded_refunds, moved_refunds",
      "settle_operation: licenses: restored_licenses, revoked_licenses",
      "settle_requests: payments: disputed_payments, moved_payments",
      "settle_requests: refunds: superseded_refunds, moved_refunds",
      "settle_requests: licenses: restored_licenses, revoked_licenses",
    ]);
    // A change that has one payment, or one refund, in both throws before anything is sent: `settle-operation.test.ts`.
    // A put-back that names one call in both throws before anything is sent.
    const both = { turnedAway: "cancel", renewed: { name: "cancel", nextKey: "k" } };
    const put = putBackOperation({} as Database, guard, {
      reason: "rate_limited",
      delayMs: 1,
      counted: false,
      ...both,
    });
    await expect(put).rejects.toThrow("one statement");
    // One writes the held operation itself, the other those of another id.
    expect(statements.get("hold_operation")).toMatch(/"waiting" as \(.* and id <> \$\d+/s);
    // One writes licenses that are revoked, the other those that are not: `settle-operation.test.ts` tries one in both.
    expect(statements.get("settle_operation")).toMatch(
      /"restored_licenses" as \(.* and l\.revoked_because = .*"revoked_licenses"/s,
    );
    expect(statements.get("settle_operation")).toMatch(/"revoked_licenses" as \(.* and l\.revoked_at is null/s);
  });
});
