import fc from "fast-check";
import { expect, test } from "vitest";
import type { Dunning } from "../../../sandbox/stripe/core/world.ts";
import { startStripeStandIn } from "../../../sandbox/stripe/stripe-stand-in.ts";
import { SHOP } from "./set-up-stand-in.ts";

const NOW = "2026-01-20T00:00:00Z";
const DAY = 24 * 60 * 60;
const HORIZON = 120 * DAY;

interface Life {
  readonly anchorDay: number;
  readonly declines: number;
  readonly reason: string;
  readonly dunning: Dunning;
  readonly endsAfterDays: number | null;
}

const lives = fc.record<Life>({
  anchorDay: fc.integer({ min: 1, max: 19 }),
  declines: fc.integer({ min: 0, max: 6 }),
  reason: fc.constantFrom("insufficient_funds", "lost_card"),
  dunning: fc.record({
    retryAfterDays: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
    subscription: fc.constantFrom("cancel", "mark_unpaid", "leave_past_due", "pause"),
    invoice: fc.constantFrom("leave_open", "mark_uncollectible"),
  }),
  endsAfterDays: fc.option(fc.integer({ min: 1, max: 100 })),
});

/** What takes place while time passes in these steps. */
async function live({ anchorDay, declines, reason, dunning, endsAfterDays }: Life, steps: readonly number[]) {
  const standIn = await startStripeStandIn({ now: () => Date.parse(NOW) });
  try {
    const { control } = standIn;
    await control.seed({
      ...SHOP,
      subscriptions: [
        {
          id: "sub_a",
          customer: "cus_hanako",
          price: "price_monthly",
          anchorAt: `2026-01-${String(anchorDay).padStart(2, "0")}T12:00:00Z`,
          invoices: "all_paid",
          ...(endsAfterDays === null ? {} : { cancelAt: Date.parse(NOW) / 1000 + endsAfterDays * DAY }),
        },
      ],
    });
    await control.setDunning(dunning);
    if (declines > 0) await control.declineCards({ reason, times: declines });
    for (const seconds of steps) await control.advanceClock({ seconds });
    const ledger = (await control.ledger()).filter(({ effect }) => effect !== "seeded");
    return ledger.map(({ at, effect, amount, status }) => ({ at, effect, amount, status }));
  } finally {
    await standIn.stop();
  }
}

test("what happens does not depend on the steps in which time passes", { timeout: 120_000 }, async () => {
  const stepsTo = fc
    .array(fc.integer({ min: 1, max: HORIZON - 1 }), { maxLength: 6 })
    .map((moments) => [...new Set([0, ...moments, HORIZON])].toSorted((a, b) => a - b))
    .map((moments) => moments.slice(1).map((moment, position) => moment - (moments[position] ?? 0)));
  const property = fc.asyncProperty(lives, stepsTo, async (life, steps) => {
    const atOnce = await live(life, [HORIZON]);
    expect(await live(life, steps)).toEqual(atOnce);
    const times = atOnce.map(({ at }) => at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
  await fc.assert(property, { numRuns: 40 });
});
