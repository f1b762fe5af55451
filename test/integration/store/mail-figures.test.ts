import { expect, it, onTestFinished } from "vitest";
import { claimNotifications } from "../../../src/store/claim-notifications.ts";
import { noteDelivery } from "../../../src/store/note-delivery.ts";
import { mailsForAPersonDays, readMailFigures } from "../../../src/store/read-mail-figures.ts";
import { resendNotification } from "../../../src/store/resend-notification.ts";
import { createTestStore } from "../../support/test-database.ts";

async function setUp(count: number) {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const { sql, db } = store;
  await sql`insert into keiyaku.notifications (cause, kind, recipient, detail, created_at)
    select n::text, 'operation_held', 'operators', '{}', clock_timestamp() - interval '2 hours'
    from generate_series(1, ${count}) n`;
  return { ...store, figures: () => readMailFigures(db, 5_000) };
}

it("an empty outbox comes to nothing", async () => {
  const { figures } = await setUp(0);
  expect(await figures()).toEqual({ waiting: 0, oldestWaitingSeconds: 0, unknown: 0, refused: 0 });
});

it("what waits or is being sent counts with its age, what a person should know of for some days", async () => {
  const { db, sql, figures } = await setUp(5);
  const claimed = await claimNotifications(db, 4);
  for (const [index, state] of (["sent", "refused", "unknown"] as const).entries()) {
    const claim = claimed[index];
    if (claim === undefined) throw new Error("too few were claimed");
    await noteDelivery(db, claim, state === "sent" ? { state } : { state, problem: "550" });
  }
  const { oldestWaitingSeconds, ...rest } = await figures();
  expect(rest).toEqual({ waiting: 2, unknown: 1, refused: 1 });
  expect(oldestWaitingSeconds).toBeGreaterThanOrEqual(7_200);
  expect(oldestWaitingSeconds).toBeLessThan(7_260);

  await sql`update keiyaku.notifications set claimed_at = claimed_at - ${mailsForAPersonDays} * interval '1 day'
    where state = 'refused'`;
  expect(await figures()).toMatchObject({ unknown: 1, refused: 0 });
});

it("one that a person had sent again is as old as that decision", async () => {
  const { db, figures } = await setUp(1);
  const [claim] = await claimNotifications(db, 1);
  if (claim === undefined) throw new Error("none was claimed");
  await noteDelivery(db, claim, { state: "sent" });
  await resendNotification(db, { ...claim, state: "sent" }, { operatorId: "alice", reason: "asked by phone" });
  const { waiting, oldestWaitingSeconds } = await figures();
  expect(waiting).toBe(1);
  expect(oldestWaitingSeconds).toBeLessThan(60);
});
