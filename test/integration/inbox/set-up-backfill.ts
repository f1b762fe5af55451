import Stripe from "stripe";
import { onTestFinished } from "vitest";
import { startStripeStandIn } from "../../../sandbox/stripe/stripe-stand-in.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { type BackfillDeps, type BackfillReport, backfillEvents } from "../../../src/inbox/backfill-events.ts";
import { Secret } from "../../../src/secret.ts";
import { createStripeGateway } from "../../../src/stripe/stripe-gateway.ts";
import { compareInbox } from "../../support/compare-inbox.ts";
import { createTestStore } from "../../support/test-database.ts";

/** When these tests begin, by both clocks. */
export const BEGINNING = Date.parse("2026-04-20T00:00:00Z");

/** An empty inbox, a stand-in, and clocks that stand still until they are moved. */
export async function setUpBackfill() {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const clocks = { oursMs: BEGINNING, stripesMs: BEGINNING };
  const standIn = await startStripeStandIn({ now: () => clocks.stripesMs });
  onTestFinished(() => standIn.stop());
  await standIn.control.seed({ customers: [{ id: "cus_1" }] });
  const connection = createStripeGateway({
    secretKey: new Secret(standIn.secretKey),
    apiBase: standIn.url,
    timeoutMs: 2_000,
    maxNetworkRetries: 0,
  });
  onTestFinished(() => connection.close());
  const stripe = new Stripe(standIn.secretKey, { host: "127.0.0.1", port: standIn.port, protocol: "http" });
  const unreadable: (string | null)[] = [];
  const slept: number[] = [];
  const clock: Pick<Clock, "now" | "sleep"> = {
    now: () => new Date(clocks.oursMs).toISOString(),
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
      await systemClock.sleep(0, signal);
    },
  };
  const deps: BackfillDeps = {
    db: store.db,
    connection,
    clock,
    origin: { livemode: false, account: null },
    onUnreadable: (eventId) => void unreadable.push(eventId),
    stopping: new AbortController().signal,
  };
  let disputes = 0;
  return {
    ...store,
    standIn,
    control: standIn.control,
    deps,
    clocks,
    slept,
    unreadable,
    /** Lets so many events happen, `charge.dispute.created` each. */
    async happen(count: number): Promise<void> {
      const numbers = Array.from({ length: count }, (_, index) => disputes + index + 1);
      disputes += count;
      await standIn.control.seed({
        paymentIntents: numbers.map((number) => ({ id: `pi_${number}`, customer: "cus_1", amount: 1_000 })),
      });
      for (const number of numbers) await standIn.control.dispute(`ch_${number}`);
    },
    /** The last of them, the newest first. */
    async newest(limit: number): Promise<readonly Stripe.Event[]> {
      return (await stripe.events.list({ types: ["charge.dispute.created"], limit })).data;
    },
    pass(ms: number): void {
      clocks.oursMs += ms;
      clocks.stripesMs += ms;
    },
    backfill: (overrides: Partial<BackfillDeps> = {}, wanted?: { since: string }): Promise<BackfillReport> =>
      backfillEvents({ ...deps, ...overrides }, wanted),
    differences: () => compareInbox(store.sql, standIn),
    async inbox(): Promise<readonly { id: string; arrived_by: string }[]> {
      return store.sql`select id, arrived_by from keiyaku.stripe_events order by id`;
    },
    /** How far the list counts as read. */
    async listedUntil(): Promise<string | undefined> {
      const [row] = await store.sql<{ listed_until: Date }[]>`select listed_until from keiyaku.event_backfills`;
      return row?.listed_until.toISOString();
    },
    /** The requests for the list of events, by their parameters. */
    async listings(): Promise<readonly URLSearchParams[]> {
      const requests = await standIn.control.requests();
      return requests
        .filter(({ path }) => path.startsWith("/v1/events?"))
        .map(({ path }) => new URL(path, "http://x").searchParams);
    },
  };
}

export function at(ms: number): string {
  return new Date(ms).toISOString();
}
