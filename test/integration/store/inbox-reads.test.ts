import { sql } from "drizzle-orm";
import { expect, it, onTestFinished } from "vitest";
import { waitsFor } from "../../../src/store/event-parts.ts";
import { readEventVersions } from "../../../src/store/read-event-versions.ts";
import { takeInEvents } from "../../../src/store/take-in-events.ts";
import type { StripeEvent } from "../../../src/stripe/events.ts";
import { createTestStore } from "../../support/test-database.ts";

async function setup() {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  return store;
}

function eventOf(id: string, apiVersion: string, createdAt = new Date().toISOString()): StripeEvent {
  const about = { livemode: false, account: null, objectId: null, body: {} };
  return { id, type: "invoice.paid", apiVersion, createdAt, ...about };
}

it("finds what waits for an id by an index, however large the inbox is: each payment that is learned asks", async () => {
  const { db } = await setup();
  const plan = await db.run<Record<string, string>>(
    "ping",
    sql`explain select id from keiyaku.stripe_events where ${waitsFor(["no_contract: pi_1", "not_ours: pi_1"])}`,
  );

  expect(plan.map((line) => line["QUERY PLAN"]).join("\n")).toContain("stripe_events_of_reason");
});

it("reads the API versions of what endpoints have sent within a week, and of nothing that was listed", async () => {
  const { db } = await setup();
  const longAgo = new Date(Date.now() - 8 * 86_400_000).toISOString();
  await takeInEvents(db, [eventOf("evt_1", "2024-06-20"), eventOf("evt_2", "2024-06-20")], "relay");
  await takeInEvents(db, [eventOf("evt_3", "2026-10-28.endive")], "queue");
  await takeInEvents(db, [eventOf("evt_4", "2019-03-14")], "backfill");
  await takeInEvents(db, [eventOf("evt_5", "2018-02-28", longAgo)], "relay");

  expect(await readEventVersions(db, 5_000)).toEqual(["2024-06-20", "2026-10-28.endive"]);
});
