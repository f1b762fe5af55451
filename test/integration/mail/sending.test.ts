import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simpleParser } from "mailparser";
import { describe, expect, it, onTestFinished } from "vitest";
import { createFolderTransport } from "../../../src/mail/folder-transport.ts";
import { claimNotifications } from "../../../src/store/claim-notifications.ts";
import { holdEvent } from "../../../src/store/conclude-event.ts";
import { giveUpOnClaims } from "../../../src/store/note-delivery.ts";
import { notificationChannel } from "../../../src/store/notification-parts.ts";
import { readDueEvents } from "../../../src/store/read-due-events.ts";
import { resendNotification } from "../../../src/store/resend-notification.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { takeInEvents } from "../../../src/store/take-in-events.ts";
import type { StripeEvent } from "../../../src/stripe/events.ts";
import { claimLeaseMs, mailsAtOnce, sendRound } from "../../../workers/notifications.ts";
import { eventually } from "../../support/eventually.ts";
import { startMailServer } from "../../support/mail-server.ts";
import { startScriptedMailServer } from "../../support/scripted-mail-server.ts";
import { aheadClock, heldTransport, type OutboxBench, setUpOutbox, transportTo } from "./set-up-outbox.ts";

const why = { operatorId: "alice", reason: "the address was mended" };

function untilState(outbox: OutboxBench, id: number, state: string) {
  return eventually(async () => (await outbox.row(id)).state === state, { withinMs: 10_000, describe: state });
}

function eventOf(id: string): StripeEvent {
  const about = { livemode: false, account: null, objectId: null, body: {}, apiVersion: "2026-10-28.endive" };
  return { id, type: "invoice.paid", createdAt: "2026-04-20T00:00:00Z", ...about };
}

/** Lets the claim of a mail be so old. */
function claimedAgo({ sql }: OutboxBench, id: number, ms: number) {
  return sql`update keiyaku.notifications set claimed_at = clock_timestamp() - ${ms} * interval '1 millisecond'
    where id = ${id}`;
}

/** Resolves once a worker has looked at the outbox from beginning to end: it gives up on two old claims, one look after the other. */
async function untilLooked(outbox: OutboxBench) {
  for (const name of ["left behind", "left behind again"]) {
    const id = await outbox.cause(name, { contractId: null, recipient: "operators" });
    await outbox.sql`update keiyaku.notifications set state = 'claimed', next_attempt_at = null, attempt = 1,
      claimed_at = clock_timestamp() - interval '1 day' where id = ${id}`;
    await untilState(outbox, id, "unknown");
  }
}

describe("a mail of the outbox", () => {
  it("is claimed before it is sent, and noted as sent", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("payment_failed:in_1:2");
    const { transport, mails } = heldTransport();

    const round = sendRound({ ...outbox.deps, transport });
    await eventually(() => mails.length === 1, { withinMs: 5_000 });
    expect(await outbox.row(id)).toMatchObject({ state: "claimed", attempt: 1, next_attempt_at: null });
    mails[0]?.answer({ type: "sent" });

    expect(await round).toEqual({ taken: 1, isServerAway: false });
    expect(await outbox.row(id)).toMatchObject({ state: "sent", sent_at: expect.any(Date), problem: null });
    expect(outbox.ended).toEqual(["sent"]);
  });

  it("is due the moment it is caused, wherever in its millisecond that is", async () => {
    const outbox = await setUpOutbox();
    for (let n = 0; n < 40; n += 1) {
      const id = await outbox.cause(`n${n}`, { contractId: null, recipient: "operators" });
      expect(await claimNotifications(outbox.db, 1)).toMatchObject([{ id }]);
    }
  });

  it("goes to the customer under the address that is known when it is sent", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    await outbox.sql`update keiyaku.customers set email = 'new@example.com'`;
    outbox.start();

    await untilState(outbox, id, "sent");
    expect((await outbox.server.untilReceived(1))[0]?.handedInTo).toEqual(["new@example.com"]);
  });

  it("is sent once by two workers that ring at once", async () => {
    const outbox = await setUpOutbox();
    for (let n = 0; n < 30; n += 1) await outbox.cause(`n${n}`, { contractId: null, recipient: "operators" });
    const workers = [outbox.start(), outbox.start()];
    for (const worker of workers) worker.ring();

    const areSent = async () => (await outbox.rows()).every(({ state }) => state === "sent");
    await eventually(areSent, { withinMs: 20_000, describe: "all to be sent" });
    expect(new Set(outbox.server.received.map(({ messageId }) => messageId)).size).toBe(30);
    expect(outbox.server.received).toHaveLength(30);
  });

  it("is refused in a word when nobody can be written to, or it is of another version", async () => {
    const outbox = await setUpOutbox();
    const nobody = await outbox.cause("nobody", { contractId: "c-none" });
    const strange = await outbox.cause("strange", { kind: "season_greetings", recipient: "operators" });
    const unreadable = await outbox.cause("unreadable", {
      kind: "refund_failed",
      recipient: "operators",
      contractId: null,
    });
    await sendRound(outbox.deps);

    expect(await outbox.row(nobody)).toMatchObject({ state: "refused", problem: "customer_unknown" });
    expect(await outbox.row(strange)).toMatchObject({ state: "refused", problem: "kind_unknown" });
    expect(await outbox.row(unreadable)).toMatchObject({ state: "refused", problem: "detail_unreadable" });
    expect(outbox.server.received).toEqual([]);
  });
});

describe("a mail server", () => {
  it("that is away delays mails and loses none, and is left alone for a while whoever rings", async () => {
    const outbox = await setUpOutbox();
    await outbox.server.stop();
    const clock = aheadClock();
    const sending = outbox.start({ clock });
    const id = await outbox.cause("a");
    await eventually(() => outbox.ended.includes("later"), { withinMs: 5_000 });
    expect(await outbox.row(id)).toMatchObject({ state: "waiting", attempt: 1, problem: "ECONNREFUSED" });
    await outbox.hurry();
    const second = await outbox.cause("b", { contractId: null, recipient: "operators" });
    sending.ring();

    const back = await startMailServer({ port: outbox.server.port });
    onTestFinished(() => back.stop());
    await untilLooked(outbox);
    expect(await outbox.row(second)).toMatchObject({ state: "waiting", attempt: 0 });
    clock.pass(31_000);
    sending.ring();

    await untilState(outbox, id, "sent");
    await untilState(outbox, second, "sent");
    expect(back.received).toHaveLength(2);
  });

  it("that says later is asked again after half a minute, twice that, up to an hour, and accepts in the end", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    const turnedAway = { at: "message", code: 451 } as const;
    outbox.server.treat(...Array.from({ length: 9 }, () => turnedAway));
    const waits: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      expect(await sendRound(outbox.deps)).toEqual({ taken: 1, isServerAway: false });
      const row = await outbox.row(id);
      expect(row).toMatchObject({ state: "waiting", problem: "451 DATA", claimed_at: null });
      waits.push(Math.round((row.due_in ?? 0) / 10) * 10);
      await outbox.hurry();
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    await sendRound(outbox.deps);
    expect(await outbox.row(id)).toMatchObject({ state: "sent", attempt: 10 });
    expect(outbox.server.received).toHaveLength(1);
  });

  it("that says no for good is not asked again by itself", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    outbox.server.refuse("hanako@example.com", 550);
    outbox.start();
    await untilState(outbox, id, "refused");

    const later = await outbox.cause("b", { contractId: null, recipient: "operators" });
    await untilState(outbox, later, "sent");
    expect(await outbox.row(id)).toMatchObject({ state: "refused", problem: "550 RCPT TO", attempt: 1 });
  });

  it("that is cut off after the message leaves it unknown, and it is not sent again by itself", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    outbox.server.treat("cut");
    outbox.start();
    await untilState(outbox, id, "unknown");

    const later = await outbox.cause("b");
    await untilState(outbox, later, "sent");
    expect(await outbox.row(id)).toMatchObject({ state: "unknown", attempt: 1 });
    expect(outbox.server.received).toHaveLength(2);
  });
});

describe("a mail server that goes", () => {
  const accepted = { at: "message", say: "250 kept\r\n" } as const;
  const unanswered = { at: "message" } as const;
  it.each([
    ["right after it has accepted the mail", accepted, "sent"],
    ["before it has answered for the mail", unanswered, "unknown"],
  ])("%s is not handed that mail a second time", async (_, disturbance, state) => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    const server = await startScriptedMailServer(disturbance);
    const deps = { ...outbox.deps, transport: transportTo(server.url) };

    expect(await sendRound(deps)).toEqual({ taken: 1, isServerAway: false });
    await outbox.hurry();
    expect(await sendRound(deps)).toMatchObject({ taken: 0 });
    expect(await outbox.row(id)).toMatchObject({ state, attempt: 1 });
    expect(server.talks).toBe(1);
  });

  it.each(["MAIL", "RCPT", "DATA"] as const)("at %s has none of it, and gets it once when it is back", async (at) => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    const server = await startScriptedMailServer({ at });
    const away = await sendRound({ ...outbox.deps, transport: transportTo(server.url) });
    expect(away).toEqual({ taken: 1, isServerAway: true });
    expect(await outbox.row(id)).toMatchObject({ state: "waiting", problem: "ECONNECTION" });

    await outbox.hurry();
    await sendRound(outbox.deps);
    expect(await outbox.row(id)).toMatchObject({ state: "sent", attempt: 2 });
    expect([server.accepted, outbox.server.received.length]).toEqual([0, 1]);
  });
});

describe("a claim", () => {
  it("whose sender died is unknown after the lease, not before, and never sent again by itself", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    await claimNotifications(outbox.db, mailsAtOnce);
    outbox.start();

    await claimedAgo(outbox, id, claimLeaseMs - 5_000);
    const other = await outbox.cause("b", { contractId: null, recipient: "operators" });
    await untilState(outbox, other, "sent");
    expect(await outbox.row(id)).toMatchObject({ state: "claimed" });

    await claimedAgo(outbox, id, claimLeaseMs + 1_000);
    await untilState(outbox, id, "unknown");
    expect(await outbox.row(id)).toMatchObject({ problem: "sender_lost", attempt: 1 });
    expect(outbox.ended).toEqual(["sent", "unknown"]);
    expect(outbox.server.received).toHaveLength(1);
  });

  it("that was given up cannot be noted by whoever held it", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    const { transport, mails } = heldTransport();
    const round = sendRound({ ...outbox.deps, transport });
    await eventually(() => mails.length === 1, { withinMs: 5_000 });
    await claimedAgo(outbox, id, claimLeaseMs + 1_000);
    outbox.start();
    await untilState(outbox, id, "unknown");

    mails[0]?.answer({ type: "later", problem: "451 DATA", isCommon: false });
    await round;
    expect(await outbox.row(id)).toMatchObject({ state: "unknown" });
  });

  it("of a mail that a person has sent again is not noted by whoever held the one before", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    const { transport, mails } = heldTransport();
    const round = sendRound({ ...outbox.deps, transport });
    await eventually(() => mails.length === 1, { withinMs: 5_000 });
    await claimedAgo(outbox, id, claimLeaseMs + 1_000);
    await giveUpOnClaims(outbox.db, claimLeaseMs);
    await resendNotification(outbox.db, { id, state: "unknown", attempt: 1 }, why);
    await claimNotifications(outbox.db, mailsAtOnce);

    mails[0]?.answer({ type: "later", problem: "451 DATA", isCommon: false });
    await round;
    expect(await outbox.row(id)).toMatchObject({ state: "claimed", attempt: 2 });
  });

  it.each(["monotonicMs", "nowMs"] as const)("of a process that stood still begins no conversation: %s", async (by) => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    let asked = 0;
    // It is claimed at 0, and the process goes on two minutes later.
    const clock = { ...outbox.deps.clock, [by]: () => (asked++ === 0 ? 0 : 120_000) };
    await sendRound({ ...outbox.deps, clock });
    expect(await outbox.row(id)).toMatchObject({ state: "waiting", problem: "process_paused" });
    expect(outbox.server.received).toEqual([]);
  });

  it("that cannot be noted leaves the other mails of its round to their own ends", async () => {
    const outbox = await setUpOutbox();
    const lost = await outbox.cause("a");
    const other = await outbox.cause("b", { contractId: null, recipient: "operators" });
    const db: OutboxBench["db"] = Object.create(outbox.db, {
      run: {
        value: (name: string, ...rest: [never]) => {
          if (name === "note_delivery" && failures-- > 0) throw new StoreError("refused", "23514", name);
          return outbox.db.run(name, ...rest);
        },
      },
    });
    let failures = 1;
    expect(await sendRound({ ...outbox.deps, db })).toMatchObject({ taken: 2 });
    const states = [(await outbox.row(lost)).state, (await outbox.row(other)).state];
    expect(states.toSorted()).toEqual(["claimed", "sent"]);
  });

  it("is noted once the database is back", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    let failures = 3;
    const db: OutboxBench["db"] = Object.create(outbox.db, {
      run: {
        value: (name: string, ...rest: [never]) => {
          if (name === "note_delivery" && failures-- > 0) throw new StoreError("unreachable", "ECONNREFUSED", name);
          return outbox.db.run(name, ...rest);
        },
      },
    });
    await sendRound({ ...outbox.deps, db });
    expect(failures).toBe(-1);
    expect(await outbox.row(id)).toMatchObject({ state: "sent" });
  });
});

describe("what one reader is told of one contract", () => {
  it("is sent in the order in which it was caused, even if the first is turned away for a while", async () => {
    const outbox = await setUpOutbox();
    const ids = [await outbox.cause("first"), await outbox.cause("second"), await outbox.cause("third")];
    const operators = await outbox.cause("first", { recipient: "operators" });
    const { transport, mails } = heldTransport();

    const round = sendRound({ ...outbox.deps, transport });
    await eventually(() => mails.length === 2, { withinMs: 5_000 });
    expect(mails.map(({ mail }) => mail.name)).toEqual([
      `${ids[0]}-payment_failed-customer`,
      `${operators}-payment_failed-operators`,
    ]);
    expect(await claimNotifications(outbox.db, mailsAtOnce)).toEqual([]);
    for (const { answer } of mails) answer({ type: "later", problem: "451 DATA", isCommon: false });
    await round;
    expect(await claimNotifications(outbox.db, mailsAtOnce)).toEqual([]);

    await outbox.hurry();
    outbox.start();
    await untilState(outbox, ids[2] ?? 0, "sent");
    const sent = (await outbox.rows()).filter(({ id }) => ids.includes(id)).map(({ sent_at }) => Number(sent_at));
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
  });
});

describe("sending", () => {
  it("is rung for by whoever causes a mail", async () => {
    const outbox = await setUpOutbox();
    const sending = outbox.start({}, 3_600_000);
    await outbox.db.listen(notificationChannel, () => sending.ring());
    const id = await outbox.cause("a");
    outbox.server.treat({ at: "address", code: 550 });
    await outbox.sql`select pg_notify(${notificationChannel}, '')`;
    await untilState(outbox, id, "refused");
    // A person's decision rings by itself.
    await resendNotification(outbox.db, { id, state: "refused", attempt: 1 }, why);
    await untilState(outbox, id, "sent");
  });

  it("is rung for once a mail is in the outbox", async () => {
    const outbox = await setUpOutbox();
    const sending = outbox.start({}, 3_600_000);
    await outbox.db.listen(notificationChannel, () => sending.ring());
    await takeInEvents(outbox.db, [eventOf("evt_1"), eventOf("evt_2"), eventOf("evt_3")], "relay");
    const due = await readDueEvents(outbox.db, 10);
    await Promise.all(due.map((event, n) => holdEvent(outbox.db, { ...event, type: `type.${n}` }, "unreadable: body")));

    expect(await outbox.server.untilReceived(3)).toHaveLength(3);
  });

  it("ends with what it has in hand, and takes nothing more", async () => {
    const outbox = await setUpOutbox();
    const first = await outbox.cause("first");
    const { transport, mails } = heldTransport();
    const sending = outbox.start({ transport });
    await eventually(() => mails.length === 1, { withinMs: 5_000 });
    const stopped = sending.stop();
    const second = await outbox.cause("second");
    mails[0]?.answer({ type: "sent" });
    await stopped;
    expect(await outbox.row(first)).toMatchObject({ state: "sent" });
    expect(await outbox.row(second)).toMatchObject({ state: "waiting", attempt: 0 });
  });
});

describe("sending again", () => {
  it("sends it a second time with the same id, as one of which a person knows, and tries afresh", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    await sendRound(outbox.deps);
    expect(await resendNotification(outbox.db, { id, state: "sent", attempt: 1 }, why)).toBe(true);
    expect(await resendNotification(outbox.db, { id, state: "sent", attempt: 1 }, why)).toBe(false);
    outbox.server.treat({ at: "message", code: 451 });
    await sendRound(outbox.deps);
    expect((await outbox.row(id)).due_in).toBeLessThanOrEqual(30);
    await outbox.hurry();
    await sendRound(outbox.deps);
    const mails = await outbox.server.untilReceived(2);
    expect(mails[0]?.messageId).toBe(mails[1]?.messageId);
    const [row] = await outbox.sql`select resends from keiyaku.notifications where id = ${id}`;
    expect(row?.resends).toEqual([{ ...why, state: "sent", attempt: 1, at: expect.any(String) }]);
  });

  it("is not done to a mail that is on its way", async () => {
    const outbox = await setUpOutbox();
    const id = await outbox.cause("a");
    expect(await resendNotification(outbox.db, { id, state: "waiting", attempt: 0 }, why)).toBe(false);
    await claimNotifications(outbox.db, 1);
    expect(await resendNotification(outbox.db, { id, state: "claimed", attempt: 1 }, why)).toBe(false);
  });
});

describe("without a mail server", () => {
  it("mails become files that a mail program opens, and are sent to nobody", async () => {
    const outbox = await setUpOutbox();
    const folder = await mkdtemp(join(tmpdir(), "keiyaku-mail-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const dir = join(folder, "mail");
    const id = await outbox.cause("a");
    await sendRound({ ...outbox.deps, transport: createFolderTransport(dir) });

    expect(await outbox.row(id)).toMatchObject({ state: "sent" });
    expect(await readdir(dir)).toEqual([`${id}-payment_failed-customer.eml`]);
    const mail = await simpleParser(await readFile(join(dir, `${id}-payment_failed-customer.eml`)));
    expect(mail.subject).toContain("お支払いを完了できませんでした");
  });

  it("a folder that cannot be written delays them", async () => {
    const outbox = await setUpOutbox();
    const folder = await mkdtemp(join(tmpdir(), "keiyaku-mail-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "mail"), "a file");
    const id = await outbox.cause("a");
    const transport = createFolderTransport(join(folder, "mail"));
    expect(await sendRound({ ...outbox.deps, transport })).toEqual({ taken: 1, isServerAway: true });
    expect(await outbox.row(id)).toMatchObject({ state: "waiting", problem: "EEXIST" });
  });
});
