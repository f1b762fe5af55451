import { expect, test } from "vitest";
import { endpointOf, Pace } from "../../../src/stripe/pace.ts";

/** A clock that stands still until it is moved, and wakes sleepers at their moment. */
function standingClock() {
  let nowMs = 0;
  let sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  return {
    monotonicMs: () => nowMs,
    sleep: (ms: number) => new Promise<void>((wake) => sleepers.push({ atMs: nowMs + ms, wake })),
    async passUntil(untilMs: number) {
      for (;;) {
        // Whoever was let go has had time to say so.
        await new Promise((resolve) => setImmediate(resolve));
        const [next] = sleepers.filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        sleepers = sleepers.filter((sleeper) => sleeper !== next);
        nowMs = Math.max(nowMs, next.atMs);
        next.wake();
      }
      nowMs = untilMs;
    },
  };
}

const refunds = "POST /v1/refunds";
const invoices = "GET /v1/invoices";

function setup(limits: { perSecond: number; perEndpoint: number }) {
  const clock = standingClock();
  const pace = new Pace(limits, clock);
  const left: { endpoint: string; atMs: number }[] = [];
  const ask = (endpoint: string) => pace.turn(endpoint).then(() => left.push({ endpoint, atMs: clock.monotonicMs() }));
  const most = (endpoint?: string) => {
    const moments = left.flatMap((each) => (endpoint === undefined || each.endpoint === endpoint ? [each.atMs] : []));
    return Math.max(0, ...moments.map((from) => moments.filter((at) => at >= from && at < from + 1_000).length));
  };
  return { clock, ask, left, most };
}

test("no second holds more requests than the limits allow, of all and of each endpoint, and all leave", async () => {
  const { clock, ask, left, most } = setup({ perSecond: 10, perEndpoint: 4 });
  const asked = Array.from({ length: 36 }, (_, index) => ask([refunds, invoices, "GET /v1/refunds"][index % 3] ?? ""));
  void Promise.all(asked);
  await clock.passUntil(10_000);

  expect(left).toHaveLength(36);
  expect(most()).toBe(10);
  expect(most(refunds)).toBe(4);
  // A later second is not fuller for what has gone before.
  void Promise.all(Array.from({ length: 8 }, () => ask(refunds)));
  await clock.passUntil(20_000);
  expect(left).toHaveLength(44);
  expect(most(refunds)).toBe(4);
});

test("requests of one endpoint leave in their order, and keep nobody waiting who wants another", async () => {
  const { clock, ask, left } = setup({ perSecond: 1_000, perEndpoint: 1 });
  for (let index = 0; index < 3; index += 1) void ask(refunds);
  await clock.passUntil(500);
  void ask(invoices);
  await clock.passUntil(600);
  expect(left).toEqual([
    { endpoint: refunds, atMs: 0 },
    { endpoint: invoices, atMs: 500 },
  ]);
  await clock.passUntil(3_000);
  expect(left.map(({ atMs }) => atMs)).toEqual([0, 500, 1_000, 2_000]);
});

test("who could not leave within five seconds is told so at once, and has taken no turn", async () => {
  const { clock, ask, left } = setup({ perSecond: 100, perEndpoint: 1 });
  const asked = Array.from({ length: 8 }, () => ask(refunds));
  const outcomes = Promise.allSettled(asked);
  await expect(asked.at(-1)).rejects.toMatchObject({ code: "TOO_MANY_WAITING" });
  await clock.passUntil(60_000);
  expect((await outcomes).map(({ status }) => status)).toEqual([...Array(7).fill("fulfilled"), "rejected"]);
  expect(left).toHaveLength(7);
});

test("without limits nobody waits", async () => {
  const { ask, left } = setup({ perSecond: Infinity, perEndpoint: Infinity });
  await Promise.all(Array.from({ length: 500 }, () => ask(refunds)));
  expect(left).toHaveLength(500);
});

test.each([
  ["GET", "/v1/subscriptions/sub_1", "GET /v1/subscriptions/:id"],
  ["DELETE", "/v1/subscriptions/sub_2", "DELETE /v1/subscriptions/:id"],
  ["POST", "/v1/invoices/in_1/void", "POST /v1/invoices/:id/void"],
  ["POST", "/v1/refunds", "POST /v1/refunds"],
  ["GET", "/v1/refunds?payment_intent=pi_1&limit=100", "GET /v1/refunds"],
])("%s %s counts for %s", (method, path, endpoint) => {
  expect(endpointOf(method, path)).toBe(endpoint);
});
