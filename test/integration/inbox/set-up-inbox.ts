import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { applyDueEvents, type InboxDeps } from "../../../src/inbox/apply-events.ts";
import { takeInEvents } from "../../../src/store/take-in-events.ts";
import { readEvent, type StripeEvent } from "../../../src/stripe/events.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { addContract, rowOf } from "../../support/store-rows.ts";
import { silentLog } from "../../support/test-database.ts";

type Row = Record<string, unknown>;

/** A row of the inbox. */
export interface EventRow {
  readonly id: string;
  readonly type: string;
  readonly object_id: string | null;
  readonly body: object | null;
  readonly mentions: readonly string[] | null;
  readonly created_at: Date;
  readonly received_at: Date;
  readonly state: string;
  readonly state_reason: string | null;
  readonly contract_id: string | null;
  readonly operation_id: string | null;
  readonly looks: number;
  readonly look_at: Date | null;
  readonly concluded_at: Date | null;
}

/** What is looked at most in a row of the ledger. */
export interface OperationRow extends Row {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly actor_type: string;
  readonly actor_id: string;
}

/** An inbox whose loop is the test's: it says when events arrive, when they are looked at, and when operations are carried out. */
export interface InboxBench extends ExecutionBench {
  /** What became of each event that was dealt with, as a watcher hears it. */
  readonly results: string[];
  /** Lets events arrive, and gives their ids. */
  readonly arrive: (...events: readonly object[]) => Promise<readonly string[]>;
  /** Looks at a page of what is due. */
  readonly look: () => Promise<number>;
  /** Lets events arrive and looks at them; gives the row of the last. */
  readonly report: (...events: readonly object[]) => Promise<EventRow>;
  /** The event's row in the inbox. */
  readonly event: (id: string) => Promise<EventRow>;
  readonly events: () => Promise<readonly EventRow[]>;
  /** Lets the time come at which these events, or all that wait, are looked at. */
  makeDue(...ids: readonly string[]): Promise<void>;
  /** Carries out whatever is open and due, as workers would, until nothing is. */
  drain(): Promise<void>;
  notifications(): Promise<readonly Row[]>;
  readonly operations: () => Promise<readonly OperationRow[]>;
}

export async function setUpInbox(settings: Pick<InboxDeps, "metadataKey"> = {}): Promise<InboxBench> {
  const bench = await createExecutionBench();
  onTestFinished(() => bench.close());
  const { sql, db } = bench;
  const results: string[] = [];
  const deps = {
    db,
    log: silentLog,
    ...settings,
    eventConcluded: (type: string, result: string) => void results.push(`${type} ${result}`),
  };
  const arrive = (...events: readonly object[]) => takeInEvents(db, events.map(readWell), "relay");
  const event = async (id: string) => (await rowOf(sql, "stripe_events", id)) as unknown as EventRow;
  const look = () => applyDueEvents(deps, 100);
  return {
    ...bench,
    results,
    arrive,
    look,
    async report(...events) {
      const ids = await arrive(...events);
      await look();
      return event(ids.at(-1) ?? "");
    },
    event,
    events: () => sql`select * from keiyaku.stripe_events order by received_at, id`,
    async makeDue(...ids) {
      const all = ids.length === 0;
      await sql`update keiyaku.stripe_events set look_at = clock_timestamp()
        where look_at is not null and (${all} or id = any(${ids as string[]}))`;
    },
    async drain() {
      for (;;) {
        const open = await sql`select id from keiyaku.operations
          where state = 'requested' and coalesce(next_attempt_at <= now(), true) order by sequence`;
        if (open.length === 0) return;
        for (const { id } of open) await bench.execute(id as string);
      }
    },
    notifications: () => sql`select * from keiyaku.notifications order by id`,
    operations: () => sql`select * from keiyaku.operations order by sequence`,
  };
}

function readWell(sent: object): StripeEvent {
  const read = readEvent(sent);
  if (read.type !== "event") throw new Error(`no event: ${read.field} ${read.problem}`);
  return read.event;
}

/** An event as Stripe would send it. */
export function eventOf(
  type: string,
  object: object,
  facts: { id?: string; request?: { id?: string; idempotency_key?: string } } = {},
) {
  return {
    id: facts.id ?? `evt_${randomUUID().replaceAll("-", "")}`,
    object: "event",
    api_version: "2026-10-28.endive",
    created: Math.floor(Date.now() / 1_000),
    data: { object },
    livemode: false,
    request: { id: null, idempotency_key: null, ...facts.request },
    type,
  };
}

export function subscriptionUpdated(subscriptionId = "sub_1", facts: Parameters<typeof eventOf>[2] = {}) {
  return eventOf("customer.subscription.updated", { id: subscriptionId, object: "subscription" }, facts);
}

export function paymentFailed(attempt: number, subscriptionId = "sub_1") {
  return eventOf("invoice.payment_failed", {
    id: "in_1",
    object: "invoice",
    attempt_count: attempt,
    next_payment_attempt: null,
    parent: { subscription_details: { subscription: subscriptionId } },
  });
}

/** A card contract `c-1` that `sub_1` bills, known to our rows alone. */
export async function addCardContract({ sql }: Pick<InboxBench, "sql">, overrides: Row = {}): Promise<void> {
  await addContract(sql, { payment_method: "card", ...overrides });
}
