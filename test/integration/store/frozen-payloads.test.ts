import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { frozenRequests } from "../../support/frozen-payloads.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

describe("the requests of version 1", () => {
  it.each(frozenRequests)("are still accepted by keiyaku.request: $name", async ({ data }) => {
    const frozen = data.request as Readonly<Record<string, unknown>>;
    // Only their time has run out since: it moves to now, in the form in which it was written.
    const request = "requestedAt" in frozen ? { ...frozen, requestedAt: nowLike(String(frozen.requestedAt)) } : frozen;
    const [row] = await store.sql`select keiyaku.request(${JSON.stringify(request)}::text::jsonb) as reply`;
    expect(row?.reply).toMatchObject({ answer: "accepted", operation: { id: frozen.id, kind: frozen.kind } });
  });
});

/** The present second with the zone of an older moment. */
function nowLike(requestedAt: string): string {
  const zone = /(Z|[+-]\d\d:\d\d)$/.exec(requestedAt)?.[0] ?? "Z";
  const aheadMs = zone === "Z" ? 0 : Number(zone.slice(0, 3)) * 3_600_000;
  return new Date(systemClock.nowMs() + aheadMs).toISOString().replace(/\.\d+Z$/, zone);
}
