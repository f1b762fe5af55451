import { afterEach, describe, expect, it } from "vitest";
import type { FaultRule } from "../../sandbox/stripe/core/fault-rule.ts";
import { requestOf } from "../e2e/workers/set-up.ts";
import { endWorkerProcesses } from "../support/worker-process.ts";
import { standingsOf } from "./books.ts";
import { addMonthly } from "./contracts.ts";
import { operationIdOf, setUpMatrix } from "./dry-run.ts";
import { alone, untilConcluded } from "./matrix.ts";

afterEach(endWorkerProcesses);

/** Everything that may become of a request, in the order in which the faulty ones meet it. */
const ways = [
  { mode: "lose_reply_before", times: 2 },
  { mode: "lose_reply_after", times: 2 },
  { mode: "truncate_reply" },
  { mode: "html_502", executed: true, times: 2 },
  { mode: "html_502", times: 2 },
  { mode: "stored_500", executed: true, times: 2 },
  { mode: "rate_limit_429", times: 2 },
  { mode: "lock_timeout_429", times: 2 },
  { mode: "status_403" },
  { mode: "hold", ms: 500, when: "after_executing" },
] as const;

/** What a refund of one payment asks Stripe for, in this order. */
const requests = [
  { method: "GET", path: "/v1/payment_intents/*" },
  { method: "GET", path: "/v1/refunds" },
  { method: "POST", path: "/v1/refunds" },
] as const;

const refundCount = 200;

describe("200 refunds at once over three workers, with a third of all calls faulty", () => {
  it("are made once each", async () => {
    const world = await setUpMatrix();
    const { control } = world.stripe;
    const contractIds = Array.from({ length: refundCount }, (_, index) => `m99-${String(index).padStart(3, "0")}`);
    for (const id of contractIds) await addMonthly(world, id, { periods: ["paid"] });
    const faults = contractIds.flatMap((about, index) =>
      requests
        .filter((_, step) => (index + step) % 3 === 0)
        .map(
          (request): FaultRule => ({
            ...request,
            about,
            ...(ways[Math.floor(index / 3) % ways.length] as (typeof ways)[0]),
          }),
        ),
    );
    for (const fault of faults) await control.fault(fault);
    const client = world.client();
    for (const id of contractIds) {
      const params = { paymentId: `${id}:period:0` };
      await client.request(requestOf(operationIdOf(id), "refund_payment", id, { params }));
    }
    // All are there before anybody is at work on them.
    const workers = await Promise.all([1, 2, 3].map(() => world.worker(alone())));
    await untilConcluded(
      world,
      contractIds.map((id) => ({ operationId: operationIdOf(id) })),
    );

    expect(await control.pendingFaults()).toEqual([]);
    expect(faults).toHaveLength(refundCount);
    const met = (await control.requests()).filter(({ fault }) => fault !== undefined).length;
    console.info(
      `${refundCount} refunds over ${workers.length} workers, ${met} of their requests to Stripe were faulty`,
    );
    const standings = await standingsOf(world, contractIds);
    for (const id of contractIds) {
      const { effects, refunds, rows } = standings.get(id) ?? {};
      expect({ id, effects }).toEqual({ id, effects: ["refund.created 1980"] });
      expect({ id, ours: refunds?.ours }).toEqual({ id, ours: refunds?.theirs });
      expect(rows?.payments?.[0]).toContain('"state":"refunded"');
      expect(rows?.operations?.[0]).toContain('"state":"succeeded"');
    }
  });
});
