import { expect, it, onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { Database } from "../../../src/store/database.ts";
import { startInbox } from "../../../workers/inbox.ts";
import { eventually } from "../../support/eventually.ts";
import { addressOf, silentLog } from "../../support/test-database.ts";
import { addCardContract, eventOf, paymentFailed, setUpInbox, subscriptionUpdated } from "./set-up-inbox.ts";

/** An hour: what happens in these tests happens because of a bell, or because something is due. */
const never = 3_600_000;

async function setUp({ everyMs = never, clock = systemClock }: { everyMs?: number; clock?: Clock } = {}) {
  const inbox = await setUpInbox();
  await addCardContract(inbox);
  let fails = false;
  const db = new Database({
    address: addressOf(inbox.url),
    poolSize: 5,
    applicationName: "keiyaku-test",
    onStatement() {
      if (fails) throw new Error("cut off");
    },
  });
  onTestFinished(() => db.close(1_000));
  const running = startInbox({ db, clock, log: silentLog }, everyMs);
  onTestFinished(() => running.stop());
  const untilState = (id: string, state: string) =>
    eventually(async () => (await inbox.event(id)).state === state, {
      withinMs: 10_000,
      describe: `${id} to be ${state}`,
    });
  const cutOff = (cut: boolean) => {
    fails = cut;
  };
  return { inbox, running, db, untilState, cutOff };
}

it("looks when it is rung for, a page after the other", async () => {
  const { inbox, running, db } = await setUp();
  await db.listen("keiyaku_event", () => running.ring());
  await inbox.arrive(...Array.from({ length: 250 }, (_, attempt) => paymentFailed(attempt)));

  const applied = async () => (await inbox.events()).every(({ state }) => state === "applied");
  await eventually(applied, { withinMs: 20_000, describe: "all events to be applied" });
  expect(await inbox.operations()).toHaveLength(250);
});

it("looks by itself when the next event becomes due", async () => {
  const { inbox, running, untilState } = await setUp();
  const [id = ""] = await inbox.arrive(subscriptionUpdated("sub_new"));
  running.ring();
  await untilState(id, "unmatched");
  await inbox.sql`update keiyaku.contracts set stripe_subscription_id = 'sub_new'`;

  // Five seconds after the first look, by nobody's bell.
  await untilState(id, "applied");
});

it("goes on when the database is back", async () => {
  const { inbox, cutOff, untilState } = await setUp({ everyMs: 50 });
  cutOff(true);
  const [id = ""] = await inbox.arrive(subscriptionUpdated());
  await untilState(id, "received");
  cutOff(false);

  await untilState(id, "applied");
});

it("forgets old bodies at its start and every hour", async () => {
  let aheadMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const { inbox, running, untilState } = await setUp({ clock, everyMs: 50 });
  const grow = () => inbox.sql`update keiyaku.stripe_events set received_at = now() - interval '46 days'`;
  const [id = ""] = await inbox.arrive(eventOf("invoice.finalized", { id: "in_1" }));
  running.ring();
  await untilState(id, "ignored");
  await grow();
  aheadMs = 3_600_000;

  await eventually(async () => (await inbox.event(id)).body === null, { withinMs: 10_000, describe: "the body to go" });
});
