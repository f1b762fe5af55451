import { expect, it } from "vitest";
import type { Sender } from "../../../src/mail/prepare-mail.ts";
import { holdEvent } from "../../../src/store/conclude-event.ts";
import { readDueEvents } from "../../../src/store/read-due-events.ts";
import { resendNotification } from "../../../src/store/resend-notification.ts";
import { takeInEvents } from "../../../src/store/take-in-events.ts";
import { tellOperatorsApart } from "../../../src/store/tell-operators-apart.ts";
import { sendRound } from "../../../workers/notifications.ts";
import { eventually } from "../../support/eventually.ts";
import { sender } from "../../support/mails.ts";
import { heldTransport, type OutboxBench, setUpOutbox } from "./set-up-outbox.ts";

/* Where there are several operators, each has a mail of their own: a row, a claim, and what became of it. */

const [accounting = "", support = ""] = sender.operators.map(({ address }) => address);
const toOperators = { recipient: "operators" } as const;

async function setUp() {
  const outbox = await setUpOutbox();
  const deps = { ...outbox.deps, sender };
  return {
    ...outbox,
    deps,
    /** Sends whatever is due, round after round, as a worker does. */
    async send() {
      while ((await sendRound(deps)).taken > 0);
    },
    /** What became of the mails of an address, in the order of their rows. */
    async statesOf(address: string) {
      const rows =
        await outbox.sql`select state, problem, attempt from keiyaku.notifications where address = ${address} order by id`;
      return rows.map(({ state, problem, attempt }) => [state, problem, attempt]);
    },
    receivedBy: (address: string) =>
      outbox.server.received.filter(({ handedInTo }) => handedInTo.includes(address)).length,
  };
}

it("each operator is sent it once, and to nobody else, whoever sends", async () => {
  const outbox = await setUp();
  for (let n = 0; n < 10; n += 1) await outbox.cause(`n${n}`, { ...toOperators, contractId: null });
  const workers = [outbox.start({ sender }), outbox.start({ sender })];
  for (const worker of workers) worker.ring();

  const areSent = async () => (await outbox.rows()).every(({ state }) => state === "sent");
  await eventually(areSent, { withinMs: 20_000, describe: "all to be sent" });
  expect(outbox.server.received).toHaveLength(20);
  expect([outbox.receivedBy(accounting), outbox.receivedBy(support)]).toEqual([10, 10]);
  for (const { handedInTo, to } of outbox.server.received)
    expect(to).toMatchObject({ value: [{ address: handedInTo[0] }] });
  expect(new Set(outbox.server.received.map(({ messageId }) => messageId)).size).toBe(20);
});

it("an operator who is turned away for now is sent theirs later, and holds back nobody else's", async () => {
  const outbox = await setUp();
  outbox.server.refuse(accounting, 450);
  await outbox.cause("a", toOperators);
  await outbox.cause("b", toOperators);
  await outbox.cause("a");
  await outbox.send();

  expect(await outbox.statesOf(accounting)).toEqual([
    ["waiting", "450 RCPT TO", 1],
    ["waiting", null, 0],
  ]);
  expect(await outbox.statesOf(support)).toEqual([
    ["sent", null, 1],
    ["sent", null, 1],
  ]);
  outbox.server.refuse(accounting, 0);
  await outbox.hurry();
  await outbox.send();
  expect(await outbox.statesOf(accounting)).toEqual([
    ["sent", null, 2],
    ["sent", null, 1],
  ]);
  expect([outbox.receivedBy(accounting), outbox.receivedBy(support)]).toEqual([2, 2]);
  // Each was told in the order in which it was caused.
  const order = outbox.server.received.filter(({ handedInTo }) => handedInTo[0] === accounting);
  const numbers = order.map(({ messageId }) => Number(/keiyaku\.(\d+)\./.exec(messageId ?? "")?.[1]));
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});

it("an operator who is refused for good is refused alone, and sent again alone", async () => {
  const outbox = await setUp();
  outbox.server.refuse(support, 550);
  await outbox.cause("a", toOperators);
  await outbox.send();

  expect(await outbox.statesOf(accounting)).toEqual([["sent", null, 1]]);
  expect(await outbox.statesOf(support)).toEqual([["refused", "550 RCPT TO", 1]]);
  outbox.server.refuse(support, 0);
  const [refused] = await outbox.sql`select id::int from keiyaku.notifications where state = 'refused'`;
  const why = { operatorId: "alice", reason: "the address was mended" };
  expect(await resendNotification(outbox.db, { id: refused?.id, state: "refused", attempt: 1 }, why)).toBe(true);
  await outbox.send();
  expect([outbox.receivedBy(accounting), outbox.receivedBy(support)]).toEqual([1, 1]);
});

it("of an operator whose mail was cut off nobody knows, and the other's is sent", async () => {
  const outbox = await setUp();
  await outbox.cause("a", toOperators);
  const { transport, mails } = heldTransport();
  const round = sendRound({ ...outbox.deps, transport });
  await eventually(() => mails.length === 2, { withinMs: 5_000 });
  for (const { mail, answer } of mails) {
    answer(mail.to.address === support ? { type: "unknown", problem: "ECONNECTION" } : { type: "sent" });
  }
  await round;

  expect(await outbox.statesOf(accounting)).toEqual([["sent", null, 1]]);
  expect(await outbox.statesOf(support)).toEqual([["unknown", "ECONNECTION", 1]]);
  await outbox.send();
  expect(await outbox.statesOf(support)).toEqual([["unknown", "ECONNECTION", 1]]);
});

it("an operator who is none any more is sent nothing, and one who is new is sent what comes", async () => {
  const outbox = await setUp();
  await outbox.cause("a", toOperators);
  await tellOperatorsApart(outbox.db, [accounting, "gone@example.com"]);
  await outbox.send();
  await outbox.cause("b", toOperators);
  await outbox.send();

  expect(await outbox.statesOf("gone@example.com")).toEqual([["refused", "operator_unknown", 1]]);
  expect([outbox.receivedBy(accounting), outbox.receivedBy(support)]).toEqual([2, 1]);
  expect(outbox.server.received).toHaveLength(3);
});

it.each([
  ["two others", [accounting, support], [1, 1]],
  ["one other", [accounting], [1, 0]],
])("a mail to operators who are none any more, all of them, goes to %s", async (_, operators, told) => {
  const outbox = await setUp();
  await outbox.cause("a", toOperators);
  await tellOperatorsApart(outbox.db, ["gone@example.com", "away@example.com"]);
  await tellOperatorsApart(outbox.db, operators);
  await outbox.send();
  await outbox.send();

  expect([outbox.receivedBy(accounting), outbox.receivedBy(support)]).toEqual(told);
  expect(await outbox.statesOf("away@example.com")).toEqual([["refused", "operator_unknown", 1]]);
});

it("a mail that one of those was refused for good, and that the other waits for, is told apart anew as well", async () => {
  const outbox = await setUp();
  await outbox.cause("a", toOperators);
  await tellOperatorsApart(outbox.db, ["gone@example.com", "away@example.com"]);
  await outbox.sql`update keiyaku.notifications set state = 'refused', problem = '550 RCPT TO', next_attempt_at = null,
    claimed_at = now(), attempt = 1 where address = 'gone@example.com'`;
  await outbox.send();

  expect([outbox.receivedBy(accounting), outbox.receivedBy(support)]).toEqual([1, 1]);
});

it("a mail that is still to be told apart holds back a later one of its contract", async () => {
  const outbox = await setUp();
  await outbox.cause("a", toOperators);
  await outbox.cause("b", toOperators);
  // Another sender has just taken the first, to tell it apart.
  const other = await outbox.sql.reserve();
  await other`begin`;
  await other`select id from keiyaku.notifications where cause = 'a' for update`;
  await outbox.send();
  expect(outbox.server.received).toEqual([]);
  await other`rollback`;
  other.release();
  await outbox.send();

  const numbersOf = (address: string) =>
    outbox.server.received
      .filter(({ handedInTo }) => handedInTo[0] === address)
      .map(({ messageId }) => Number(/keiyaku\.(\d+)\./.exec(messageId ?? "")?.[1]));
  const [first = 0, second = 0] = numbersOf(accounting);
  expect(first).toBeLessThan(second);
  // The copy of the second was written before that of the first, and is sent after it all the same.
  const [firstCopy = 0, secondCopy = 0] = numbersOf(support);
  expect(firstCopy).toBeGreaterThan(secondCopy);
});

it.each(["sent", "claimed", "unknown"])(
  "a mail that may have been read, %s, by one of those goes to nobody else",
  async (state) => {
    const outbox = await setUp();
    await outbox.cause("a", toOperators);
    await tellOperatorsApart(outbox.db, ["gone@example.com", "away@example.com"]);
    await outbox.sql`update keiyaku.notifications set state = ${state}, next_attempt_at = null, claimed_at = now(),
      sent_at = case when ${state} = 'sent' then now() end, attempt = 1 where address = 'away@example.com'`;
    await outbox.send();

    expect(outbox.server.received).toEqual([]);
    expect(await outbox.statesOf("gone@example.com")).toEqual([["refused", "operator_unknown", 1]]);
  },
);

it("what is told once stays told once after it was told apart", async () => {
  const outbox = await setUp();
  const event = { livemode: false, account: null, objectId: null, body: {}, apiVersion: "2026-10-28.endive" };
  const held = { ...event, type: "invoice.paid", createdAt: "2026-04-20T00:00:00Z" };
  for (const id of ["evt_1", "evt_2"]) {
    await takeInEvents(outbox.db, [{ ...held, id }], "relay");
    for (const due of await readDueEvents(outbox.db, 10)) await holdEvent(outbox.db, due, "unreadable: body");
    await outbox.send();
  }

  expect(outbox.server.received).toHaveLength(2);
});

it("is told apart once, and goes as one with its cause", async () => {
  const outbox = await setUp();
  const id = await outbox.cause("a", toOperators);
  await outbox.cause("b");
  await Promise.all([1, 2, 3].map(() => tellOperatorsApart(outbox.db, [accounting, support, support])));

  const rows =
    await outbox.sql`select address, copy_of::int from keiyaku.notifications where recipient = 'operators' order by id`;
  expect(rows).toEqual([
    { address: accounting, copy_of: null },
    { address: support, copy_of: id },
  ]);
  await outbox.sql`delete from keiyaku.notifications where id = ${id}`;
  expect((await outbox.rows()).map(({ state }) => state)).toEqual(["waiting"]);
});

it("is not told apart where there is one operator", async () => {
  const outbox: OutboxBench = await setUpOutbox();
  const one: Sender = outbox.deps.sender;
  const id = await outbox.cause("a", toOperators);
  await sendRound({ ...outbox.deps, sender: { ...one, operators: [...one.operators, ...one.operators] } });

  expect(await outbox.rows()).toHaveLength(1);
  expect(await outbox.row(id)).toMatchObject({ state: "sent", address: null });
});
