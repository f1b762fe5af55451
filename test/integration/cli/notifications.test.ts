import { describe, expect, it, onTestFinished } from "vitest";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { type NotificationListOptions, notificationList } from "../../../src/cli/notification-list.ts";
import { notificationResend } from "../../../src/cli/notification-resend.ts";
import { claimNotifications } from "../../../src/store/claim-notifications.ts";
import { noteDelivery } from "../../../src/store/note-delivery.ts";
import { notificationChannel } from "../../../src/store/notification-parts.ts";
import { eventually } from "../../support/eventually.ts";
import { claimedMail } from "../../support/mails.ts";
import { addContract } from "../../support/store-rows.ts";
import { type CommandBench, setUpCommand } from "./set-up-command.ts";

/** An outbox with a mail in each state, by its number: 1 sent, 2 refused, 3 unknown, 4 tried and waiting, 5 claimed, 6 waiting. */
async function setUp(): Promise<CommandBench> {
  const command = await setUpCommand();
  onTestFinished(() => command.close());
  const { sql, db } = command.bench;
  await addContract(sql, { payment_method: "card" });
  const cause = (name: string, contractId: string | null = null) =>
    sql`insert into keiyaku.notifications (cause, kind, recipient, contract_id, detail)
      values (${name}, 'payment_failed', 'operators', ${contractId}, ${sql.json(claimedMail().detail as never)})`;
  for (const name of ["sent", "refused", "unknown", "tried", "claimed"]) {
    await cause(name, name === "sent" ? "c-1" : null);
  }
  for (const { id, attempt } of await claimNotifications(db, 5)) {
    const noted = [
      { state: "sent", problem: null },
      { state: "refused", problem: "550 5.1.1 RCPT TO" },
      { state: "unknown", problem: "ECONNRESET" },
      { state: "waiting", problem: "451 DATA", delayMs: 60_000 },
    ] as const;
    const become = noted[id - 1];
    if (become !== undefined) await noteDelivery(db, { id, attempt }, become);
  }
  await cause("waiting");
  return command;
}

const listing = (command: CommandBench, options: Partial<NotificationListOptions> = {}) =>
  command.run((context) => notificationList(context, { limit: 50, json: true, ...options }));
const why = { reason: "the address was mended", actor: "operator:alice" };
const resending = (command: CommandBench, notificationId: number, options = {}) =>
  command.run((context) => notificationResend(context, { notificationId, ...why, ...options }));
const idsOf = (command: CommandBench) => (command.json() as { id: number }[]).map(({ id }) => id);

describe("mails", () => {
  it("are listed by state and contract, the last caused first, without anybody's address", async () => {
    const command = await setUp();
    expect(await listing(command)).toBe(exitCodes.done);
    expect(idsOf(command)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(command.out()).not.toMatch(/hanako|@|花子/);
    await listing(command, { states: ["refused", "unknown"] });
    expect(idsOf(command)).toEqual([3, 2]);
    expect(command.json()).toMatchObject([
      { kind: "payment_failed", recipient: "operators", state: "unknown", problem: "ECONNRESET", attempt: 1 },
      { cause: "refused", claimedAt: expect.stringMatching(/Z$/), sentAt: null, resends: [] },
    ]);
    await listing(command, { contractId: "c-1" });
    expect(idsOf(command)).toEqual([1]);
  });

  it("are shown in a table with what keeps each", async () => {
    const command = await setUp();
    await listing(command, { json: false });
    expect(command.out()).toMatch(/ 1 .* payment_failed +operators +c-1 +sent +at \d{4}-/);
    expect(command.out()).toMatch(/ 2 .* – +refused +550 5\.1\.1 RCPT TO *$/m);
    expect(command.out()).toMatch(/ 4 .* waiting +451 DATA; again at \d{4}-/);
    await listing(command, { json: false, limit: 1 });
    expect(command.err()).toContain("--limit shows more");
  });
});

describe("sending a mail again", () => {
  it.each([
    [1, "sent"],
    [2, "refused"],
    [3, "unknown"],
  ])("puts mail %i, which is %s, back, with who wants it and why, and rings", async (id, state) => {
    const command = await setUp();
    let rings = 0;
    await command.bench.db.listen(notificationChannel, () => {
      rings += 1;
    });

    expect(await resending(command, id, { json: true })).toBe(exitCodes.done);

    expect(command.json()).toEqual({ notificationId: id, state: "waiting" });
    await eventually(() => rings === 1, { withinMs: 5_000, describe: "the ring" });
    await listing(command, { states: ["waiting"] });
    expect(command.json()).toContainEqual(
      expect.objectContaining({
        id,
        state: "waiting",
        problem: null,
        resends: [{ operatorId: "alice", reason: why.reason, state, attempt: 1, at: expect.any(String) }],
      }),
    );
    await listing(command, { json: false });
    expect(command.out()).toContain("had sent again by alice: the address was mended");
  });

  it.each([4, 5, 6])("is refused for mail %i, which is sent without anybody's doing", async (id) => {
    const command = await setUp();
    expect(await resending(command, id)).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error notification_not_resendable: Mail \d is (waiting|claimed), /);
  });

  it("is refused for a mail that there is not", async () => {
    const command = await setUp();
    expect(await resending(command, 99)).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error notification_not_found: /);
  });

  it("is an operator's to decide", async () => {
    const command = await setUp();
    expect(await resending(command, 2, { actor: "customer:u-1" })).toBe(exitCodes.wrongUsage);
    await listing(command, { states: ["refused"] });
    expect(idsOf(command)).toEqual([2]);
  });
});
