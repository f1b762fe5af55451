import { describe, expect, it, onTestFinished } from "vitest";
import { applyDueEvents, operationIdOf } from "../../../src/inbox/apply-events.ts";
import { unmatchedLooksMax } from "../../../src/inbox/decide-event.ts";
import { ignoreEventByHand, replayEvent } from "../../../src/store/decide-event-by-hand.ts";
import { pruneEvents } from "../../../src/store/prune-events.ts";
import { eventually } from "../../support/eventually.ts";
import { monthlyTerms } from "../../support/execution.ts";
import {
  addOperations,
  callRow,
  insertRows,
  lookRow,
  operationRow,
  paymentRow,
  refundRow,
} from "../../support/store-rows.ts";
import { silentLog } from "../../support/test-database.ts";
import { untilWaitingForLocks } from "../store/support/until-waiting.ts";
import {
  addCardContract,
  eventOf,
  type InboxBench,
  paymentFailed,
  setUpInbox,
  subscriptionUpdated,
} from "./set-up-inbox.ts";

const hours = (count: number) => count * 3_600_000;
const agoMs = (at: unknown) => Date.now() - (at as Date).getTime();
const inMs = (at: unknown) => -agoMs(at);

async function setUpWithContract(overrides: Record<string, unknown> = {}): Promise<InboxBench> {
  const inbox = await setUpInbox();
  await addCardContract(inbox, overrides);
  return inbox;
}

/** Lets an event have arrived so long ago. */
function receivedAgo({ sql }: InboxBench, id: string, ms: number) {
  return sql`update keiyaku.stripe_events set received_at = clock_timestamp() - ${ms} * interval '1 millisecond'
    where id = ${id}`;
}

describe("an event of a known contract", () => {
  it("becomes an operation in the name of Stripe, taken when it arrived, and rung for", async () => {
    const inbox = await setUpWithContract();
    const rung: string[] = [];
    await inbox.db.listen("keiyaku_accepted", (id) => void rung.push(id));

    const event = await inbox.report(subscriptionUpdated("sub_1", { id: "evt_1" }));

    expect(event).toMatchObject({
      state: "applied",
      operation_id: "stripe.evt_1",
      contract_id: "c-1",
      look_at: null,
      state_reason: null,
      concluded_at: expect.any(Date),
      body: expect.anything(),
      // It is known by its contract from now on.
      mentions: null,
    });
    const operation = await inbox.operation("stripe.evt_1");
    expect(operation).toMatchObject({
      kind: "record_subscription_change",
      contract_id: "c-1",
      actor_type: "stripe",
      actor_id: "evt_1",
      params: { subscriptionId: "sub_1" },
      state: "requested",
      attempt: 0,
      taken_at: event.received_at,
      requested_at: event.created_at,
      content_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    await eventually(() => rung.includes("stripe.evt_1"), { withinMs: 5_000 });
    expect(inbox.results).toEqual(["customer.subscription.updated applied"]);
  });

  it("is found by former subscriptions, payments, refunds and our refund rows too", async () => {
    const inbox = await setUpWithContract({ former_stripe_subscription_ids: ["sub_0"] });
    await insertRows(inbox.sql, "payments", paymentRow({ stripe_payment_intent_id: "pi_paid" }));
    await insertRows(
      inbox.sql,
      "refunds",
      refundRow({ id: "r-1", stripe_payment_intent_id: "pi_beyond", state: "due" }),
    );
    const refund = (intent: string, metadata = {}) =>
      eventOf("refund.updated", { id: "re_1", payment_intent: intent, metadata });

    for (const event of [
      subscriptionUpdated("sub_0"),
      refund("pi_paid"),
      refund("pi_beyond"),
      refund("pi_other", { keiyaku_refund: "r-1" }),
    ]) {
      expect(await inbox.report(event)).toMatchObject({ state: "applied", contract_id: "c-1" });
    }
  });

  it("has an id that the ledger takes, however long Stripe's is", () => {
    const long = operationIdOf(`evt_${"x".repeat(200)}`);

    expect(operationIdOf("evt_1")).toBe("stripe.evt_1");
    expect(long).toMatch(/^stripe\.[0-9a-f]{40}$/);
    expect(operationIdOf(`evt_${"x".repeat(199)}y`)).not.toBe(long);
  });

  it("is applied once, by whichever of several processes comes first", async () => {
    const inbox = await setUpWithContract();
    const ids = await inbox.arrive(...Array.from({ length: 30 }, (_, attempt) => paymentFailed(attempt)));

    await Promise.all(Array.from({ length: 4 }, () => inbox.look()));

    const operations = await inbox.operations();
    expect(operations.map(({ actor_id }) => actor_id).sort()).toEqual([...ids].sort());
    expect(inbox.results).toHaveLength(30);
  });

  it("writes nothing when another process has dealt with it at the last moment", async () => {
    const inbox = await setUpWithContract();
    const [id = ""] = await inbox.arrive(subscriptionUpdated());
    // Another transaction stands where the second process will be met: at the contract's turn.
    const other = await inbox.sql.reserve();
    onTestFinished(() => other.release());
    await other`begin`;
    await other`select pg_advisory_xact_lock(1262840145, hashtext('c-1'))`;
    const looks = [inbox.look(), inbox.look()];
    await untilWaitingForLocks(inbox.sql, 2);
    await other`commit`;
    await Promise.all(looks);

    expect(await inbox.operations()).toHaveLength(1);
    expect(inbox.results).toHaveLength(1);
    expect(await inbox.event(id)).toMatchObject({ state: "applied" });
  });
});

describe("a burst of events about the same", () => {
  it("becomes one operation while that has not begun", async () => {
    const inbox = await setUpWithContract();
    const ids = ["evt_1", "evt_2", "evt_3"];
    await inbox.report(...ids.map((id) => subscriptionUpdated("sub_1", { id })));

    expect(await inbox.operations()).toHaveLength(1);
    expect(new Set((await inbox.events()).map(({ operation_id }) => operation_id))).toEqual(new Set(["stripe.evt_1"]));
    expect(await inbox.report(subscriptionUpdated())).toMatchObject({ operation_id: "stripe.evt_1" });
  });

  it("never takes two attempts at an invoice for one", async () => {
    const inbox = await setUpWithContract();
    await inbox.report(paymentFailed(1), paymentFailed(2), paymentFailed(1));

    const attempts = (await inbox.operations()).map(({ params }) => (params as { attempt: number }).attempt);
    expect(new Set(attempts)).toEqual(new Set([1, 2]));
    expect(attempts).toHaveLength(2);
  });

  it.each([
    ["begun", { attempt: 1 }],
    ["been asked for by a person", { actor_type: "operator" }],
  ])("becomes another operation once the first has %s", async (_, overrides) => {
    const inbox = await setUpWithContract();
    const params = { subscriptionId: "sub_1" };
    const stripe = { actor_type: "stripe", actor_id: "evt_0" };
    await addOperations(inbox.sql, { id: "o-1", kind: "record_subscription_change", params, ...stripe, ...overrides });

    expect(await inbox.report(subscriptionUpdated("sub_1", { id: "evt_1" }))).toMatchObject({
      operation_id: "stripe.evt_1",
    });
  });

  it("becomes another operation also when the first begins while it is looked at", async () => {
    const inbox = await setUpWithContract();
    await inbox.report(subscriptionUpdated("sub_1", { id: "evt_1" }));
    const other = await inbox.sql.reserve();
    onTestFinished(() => other.release());
    await other`begin`;
    await other`update keiyaku.operations set attempt = 1, attempts_counted = 1, state = 'executing', occupies = true,
      touched_at = now() where id = 'stripe.evt_1'`;

    await inbox.arrive(subscriptionUpdated("sub_1", { id: "evt_2" }));
    const looked = inbox.look();
    await untilWaitingForLocks(inbox.sql, 1);
    await other`commit`;
    await looked;

    expect(await inbox.event("evt_2")).toMatchObject({ state: "applied", operation_id: "stripe.evt_2" });
  });
});

describe("an event that a call of ours caused", () => {
  const key = "keiyaku:own:cancel_subscription:1";
  const byKey = { request: { id: "req_9", idempotency_key: key } };
  const byRequest = { request: { id: "req_1" } };

  async function setUpCall(state: string, call: Record<string, unknown> = {}) {
    const inbox = await setUpWithContract();
    await addOperations(inbox.sql, { id: "own", state, kind: "terminate" });
    const answer = { type: "done", value: null };
    await insertRows(
      inbox.sql,
      "stripe_calls",
      callRow({ operation_id: "own", idempotency_key: key, request_id: "req_1", answer, ...call }),
    );
    return inbox;
  }

  it.each([
    ["its key", byKey],
    ["the request", byRequest],
  ])("is nothing new once that operation has succeeded, known by %s", async (_, caused) => {
    const inbox = await setUpCall("succeeded");

    expect(await inbox.report(subscriptionUpdated("sub_1", caused))).toMatchObject({
      state: "ignored",
      state_reason: "own_call",
      contract_id: "c-1",
    });
    expect(await inbox.operations()).toHaveLength(1);
  });

  it("is known by an earlier key of the same call", async () => {
    const inbox = await setUpCall("succeeded", { idempotency_key: "keiyaku:own:cancel_subscription:2", key_number: 2 });

    expect(await inbox.report(subscriptionUpdated("sub_1", byKey))).toMatchObject({ state_reason: "own_call" });
  });

  it.each(["requested", "executing", "held"])("waits at growing gaps while that is %s", async (state) => {
    const inbox = await setUpCall(state);
    const { id } = await inbox.report(subscriptionUpdated("sub_1", byKey));
    const first = await inbox.event(id);
    expect(first).toMatchObject({
      state: "received",
      state_reason: "own_call_open: own",
      looks: 1,
      contract_id: "c-1",
    });
    for (let look = 2; look <= 8; look += 1) {
      await inbox.makeDue();
      await inbox.look();
    }

    const later = await inbox.event(id);
    expect(later).toMatchObject({ state: "received", looks: 8 });
    expect(inMs(first.look_at)).toBeLessThan(1_500);
    expect(inMs(later.look_at)).toBeGreaterThan(55_000);
    expect(inMs(later.look_at)).toBeLessThan(61_000);
    await inbox.sql`update keiyaku.operations set state = 'succeeded', outcome = '{}', concluded_at = now(), ring_at = null,
      occupies = false where id = 'own'`;
    await inbox.makeDue();
    await inbox.look();
    expect(await inbox.event(id)).toMatchObject({ state: "ignored", state_reason: "own_call" });
  });

  it.each(["abandoned", "rejected"])("is like anyone's when that was %s", async (state) => {
    const inbox = await setUpCall(state);

    expect(await inbox.report(subscriptionUpdated("sub_1", byKey))).toMatchObject({
      state: "applied",
      contract_id: "c-1",
    });
  });

  it("is not one that only looks like it: a look, another's request, a key that the journal does not know", async () => {
    const inbox = await setUpCall("succeeded", { request_id: null });
    await insertRows(inbox.sql, "stripe_calls", lookRow({ operation_id: "own", name: "seen", request_id: "req_1" }));
    for (const caused of [
      byRequest,
      { request: { id: "req_2" } },
      { request: { id: "req_9", idempotency_key: "keiyaku:own:refund:1" } },
      { request: { id: "req_9", idempotency_key: "somebody-else" } },
    ]) {
      expect(await inbox.report(subscriptionUpdated("sub_1", caused))).toMatchObject({ state: "applied" });
    }
  });

  it("tells its contract where nothing else does", async () => {
    const inbox = await setUpCall("abandoned");
    const charge = { id: "ch_1", payment_intent: "pi_of_nobody" };

    expect(await inbox.report(eventOf("charge.refunded", charge, byKey))).toMatchObject({
      state: "applied",
      contract_id: "c-1",
    });
  });
});

describe("an event from which nothing follows", () => {
  it.each([
    ["type_not_used", eventOf("invoice.finalized", { id: "in_1" })],
    ["type_not_used", eventOf("product.created", { id: "prod_1" })],
    [
      "no_subscription",
      eventOf("invoice.paid", { id: "in_1", attempt_count: 1, next_payment_attempt: null, parent: null }),
    ],
    ["no_payment_intent", eventOf("charge.refunded", { id: "ch_1", payment_intent: null })],
  ])("is ignored as %s", async (reason, event) => {
    const inbox = await setUpWithContract();

    expect(await inbox.report(event)).toMatchObject({ state: "ignored", state_reason: reason, look_at: null });
    expect(await inbox.operations()).toHaveLength(0);
  });

  it("is the intent of an invoice; that of a one-time contract is its payment", async () => {
    const inbox = await setUpWithContract();
    await insertRows(inbox.sql, "payments", paymentRow({ stripe_payment_intent_id: "pi_0" }));
    await addCardContract(inbox, {
      id: "c-2",
      kind: "one_time",
      status: "awaiting_payment",
      stripe_payment_intent_id: "pi_1",
    });

    expect(await inbox.report(eventOf("payment_intent.succeeded", { id: "pi_0" }))).toMatchObject({
      state: "ignored",
      state_reason: "paid_an_invoice",
      contract_id: "c-1",
    });
    expect(await inbox.report(eventOf("payment_intent.succeeded", { id: "pi_1" }))).toMatchObject({
      state: "applied",
      contract_id: "c-2",
    });
  });
});

describe("an event of no contract that is known", () => {
  /** Looks at an event whenever it is due until it rests, and tells how long it was waited for each time, in seconds. */
  async function gapsUntilRest(inbox: InboxBench, id: string): Promise<readonly number[]> {
    const gaps: number[] = [];
    for (;;) {
      const event = await inbox.event(id);
      expect(event).toMatchObject({ state: "unmatched", looks: gaps.length + 1 });
      expect(event.state_reason).toMatch(/^no_contract: sub_new/);
      if (event.look_at === null) return gaps;
      gaps.push(Math.round(inMs(event.look_at) / 1_000));
      await inbox.makeDue();
      await inbox.look();
    }
  }

  it("is unmatched and looked at again, from five seconds to six hours apart, for three days, and then rests", async () => {
    const inbox = await setUpInbox();
    const { id } = await inbox.report(subscriptionUpdated("sub_new"));
    const gaps = await gapsUntilRest(inbox, id);

    expect(gaps.slice(0, 14)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480, 21_600]);
    expect(gaps).toHaveLength(unmatchedLooksMax - 1);
    const daysInAll = gaps.reduce((sum, gap) => sum + gap, 0) / 86_400;
    expect(Math.round(daysInAll)).toBe(3);
    expect(await inbox.event(id)).toMatchObject({ look_at: null, body: expect.anything() });
  });

  it("that is replayed when it rests is looked at for as long as a new one", async () => {
    const inbox = await setUpInbox();
    const { id } = await inbox.report(subscriptionUpdated("sub_new"));
    const gaps = await gapsUntilRest(inbox, id);
    await receivedAgo(inbox, id, hours(24 * 30));
    const guard = { eventId: id, state: "unmatched", looks: unmatchedLooksMax } as const;
    await replayEvent(inbox.db, guard, { operatorId: "alice", reason: "it is registered tomorrow" });
    await inbox.look();

    expect(await gapsUntilRest(inbox, id)).toEqual(gaps);
  });

  it("does not rest when its contract is registered while it is looked for the last time", async () => {
    const inbox = await setUpInbox();
    const { id } = await inbox.report(subscriptionUpdated());
    await inbox.sql`update keiyaku.stripe_events set looks = ${unmatchedLooksMax - 1},
      look_at = clock_timestamp() - interval '1 second'`;
    // The registration has found the event waiting, and commits once the event was found to be of no contract.
    const registration = await inbox.sql.reserve();
    onTestFinished(() => registration.release());
    await registration`begin`;
    await registration`update keiyaku.stripe_events set look_at = clock_timestamp()`;
    const looking = inbox.look();
    await untilWaitingForLocks(inbox.sql, 1);
    await addCardContract(inbox);
    await registration`commit`;
    await looking;
    await inbox.look();

    expect(await inbox.event(id)).toMatchObject({ state: "applied", contract_id: "c-1" });
    expect(await inbox.notifications()).toEqual([]);
  });

  it("rests with one mail for its type and day, however many there are", async () => {
    const inbox = await setUpInbox();
    await inbox.arrive(
      ...["sub_1", "sub_2", "sub_3"].map((subscription) => subscriptionUpdated(subscription)),
      eventOf("payment_intent.succeeded", { id: "pi_1" }),
    );
    await inbox.look();
    expect(await inbox.notifications()).toEqual([]);
    await inbox.sql`update keiyaku.stripe_events set looks = ${unmatchedLooksMax - 1}`;
    await inbox.makeDue();
    await inbox.look();

    const mails = await inbox.notifications();
    const day = new Date().toISOString().slice(0, 7);
    expect(mails).toHaveLength(2);
    for (const type of ["customer.subscription.updated", "payment_intent.succeeded"]) {
      expect(mails).toContainEqual(
        expect.objectContaining({ cause: expect.stringContaining(`event_unmatched:${type}:${day}`) }),
      );
    }
    expect(mails[0]).toMatchObject({ kind: "event_unmatched", recipient: "operators", contract_id: null });
    expect(inbox.results.filter((result) => result.endsWith(" rested"))).toHaveLength(4);
  });
});

describe("an event of something else that the account bills for, where ours carry a key", () => {
  const intent = (id: string, metadata: object = {}) => ({ id, object: "payment_intent", metadata });
  const foreign = eventOf("payment_intent.succeeded", intent("pi_1", { shop: "books" }));
  const setUpMarked = () => setUpInbox({ metadataKey: "contract" });

  /** Lets an event arrive, and looks at it three times, as happens within a quarter of a minute. */
  async function lookedAt(inbox: InboxBench, sent: object) {
    const { id } = await inbox.report(sent);
    for (let look = 2; look <= 3; look += 1) {
      await inbox.makeDue();
      await inbox.look();
    }
    return inbox.event(id);
  }

  it("is ignored at its third look, when no registration can be under way any more, and nobody is told", async () => {
    const inbox = await setUpMarked();
    expect(await inbox.report(foreign)).toMatchObject({ state: "unmatched", state_reason: "no_contract: pi_1" });
    await inbox.makeDue();
    await inbox.look();
    expect(await inbox.event(foreign.id)).toMatchObject({ state: "unmatched", looks: 2 });
    for (const event of [
      eventOf("payment_intent.succeeded", intent("pi_3")),
      eventOf("customer.subscription.updated", { id: "sub_1", object: "subscription", metadata: {} }),
      eventOf("charge.refunded", { id: "ch_1", object: "charge", payment_intent: "pi_2", metadata: {} }),
      eventOf("invoice.payment_failed", {
        id: "in_1",
        object: "invoice",
        attempt_count: 1,
        parent: { subscription_details: { subscription: "sub_1", metadata: {} } },
      }),
    ]) {
      const ignored = await lookedAt(inbox, event);
      expect(ignored).toMatchObject({ state: "ignored", look_at: null, body: expect.anything() });
      expect(ignored.state_reason).toMatch(/^not_ours: (pi|sub)_/);
    }
    expect(await inbox.notifications()).toEqual([]);
  });

  it("waits all the same if it carries the key, or says nothing of it; and so does all where ours carry none", async () => {
    const inbox = await setUpMarked();
    for (const event of [
      eventOf("payment_intent.succeeded", intent("pi_1", { contract: "c-9" })),
      eventOf("refund.created", { id: "re_1", object: "refund", payment_intent: "pi_2", metadata: {} }),
      eventOf("customer.subscription.updated", { id: "sub_1", object: "subscription" }),
    ]) {
      expect(await lookedAt(inbox, event)).toMatchObject({ state: "unmatched" });
    }
    const unmarked = await setUpInbox();
    expect(await lookedAt(unmarked, foreign)).toMatchObject({ state: "unmatched" });
  });

  it("takes the refunds and disputes of its intent along", async () => {
    const inbox = await setUpMarked();
    await lookedAt(inbox, foreign);
    const refund = { id: "re_1", object: "refund", payment_intent: "pi_1", metadata: {} };

    expect(await lookedAt(inbox, eventOf("refund.created", refund))).toMatchObject({
      state: "ignored",
      state_reason: "not_ours: pi_1",
    });
  });

  it("is looked at again once a contract is registered with its id: nothing of it is lost", async () => {
    const inbox = await setUpMarked();
    const { id } = await lookedAt(inbox, foreign);
    const params = monthlyTerms({
      productId: "course",
      product: { id: "course", kind: "one_time", priceMinor: 19_800 },
      kind: "one_time",
      paymentMethod: "card",
      priceMinor: 19_800,
      initialFeeMinor: 0,
      stripe: { customerId: "cus_1", paymentIntentId: "pi_1" },
    });
    const registered = await inbox.perform({ id: "register-1", kind: "register", contractId: "c-1", params });
    expect(registered).toMatchObject({ state: "succeeded" });

    expect(await inbox.event(id)).toMatchObject({ state: "received", looks: 0, concluded_at: null });
    await inbox.look();
    expect(await inbox.event(id)).toMatchObject({ state: "applied", contract_id: "c-1" });
  });
});

describe("an event that cannot be dealt with", () => {
  it("is held when it cannot be read, and operators are told once a day for its type", async () => {
    const inbox = await setUpInbox();
    await inbox.report(eventOf("invoice.paid", { id: "in_1" }));
    const event = await inbox.report(eventOf("invoice.paid", { id: "in_2" }));
    await inbox.report(eventOf("invoice.payment_failed", { id: "in_3" }));

    expect(event).toMatchObject({
      state: "held",
      state_reason: "unreadable: data.object.attempt_count",
      look_at: null,
    });
    expect((await inbox.notifications()).map(({ cause }) => cause)).toEqual([
      expect.stringMatching(/^event_held:invoice\.paid:\d{4}-\d\d-\d\d$/),
      expect.stringMatching(/^event_held:invoice\.payment_failed:/),
    ]);
  });

  it("is held when it has failed five times by itself; others go on", async () => {
    const inbox = await setUpWithContract();
    await inbox.sql`create function refuse_poison() returns trigger language plpgsql as
      $$ begin raise exception 'poison' using errcode = '22023'; end $$`;
    await inbox.sql`create trigger poison before insert on keiyaku.operations for each row
      when (new.actor_id = 'evt_poison') execute function refuse_poison()`;
    await inbox.arrive(subscriptionUpdated("sub_1", { id: "evt_poison" }), paymentFailed(1));
    await inbox.look();
    expect(await inbox.event("evt_poison")).toMatchObject({
      state: "received",
      looks: 1,
      state_reason: "failed: 22023",
    });
    expect(await inbox.operations()).toHaveLength(1);
    for (let look = 2; look <= 5; look += 1) {
      await inbox.makeDue();
      await inbox.look();
    }

    expect(await inbox.event("evt_poison")).toMatchObject({ state: "held", state_reason: "failed: 22023", looks: 5 });
    expect(await inbox.notifications()).toMatchObject([{ kind: "event_held", detail: { eventId: "evt_poison" } }]);
    expect(inbox.results).toEqual(["invoice.payment_failed applied", "customer.subscription.updated held"]);
  });

  it("stays due while the database cannot be worked with", async () => {
    const inbox = await setUpWithContract();
    const [id = ""] = await inbox.arrive(subscriptionUpdated());
    const other = await inbox.sql.reserve();
    onTestFinished(() => other.release());
    await other`begin`;
    await other`lock table keiyaku.operations in access exclusive mode`;

    await expect(applyDueEvents({ db: inbox.db, log: silentLog }, 100)).rejects.toMatchObject({ fault: "busy" });
    await other`rollback`;
    expect(await inbox.event(id)).toMatchObject({ state: "received", looks: 0, state_reason: null });
    await inbox.look();
    expect(await inbox.event(id)).toMatchObject({ state: "applied" });
  });
});

describe("a person", () => {
  const decision = { operatorId: "alice", reason: "the parser was mended" };

  it("has an event looked at again, which keeps who and why", async () => {
    const inbox = await setUpInbox();
    const { id, looks } = await inbox.report(subscriptionUpdated("sub_1"));
    await addCardContract(inbox);
    await replayEvent(inbox.db, { eventId: id, state: "unmatched", looks: looks }, decision);
    expect(await inbox.event(id)).toMatchObject({ state: "received", looks: 0 });
    await inbox.look();

    expect(await inbox.event(id)).toMatchObject({
      state: "applied",
      state_reason: "replayed by operator alice: the parser was mended",
    });
  });

  it("has one that waits again keep who and why beside what it waits for", async () => {
    const inbox = await setUpInbox();
    const { id } = await inbox.report(subscriptionUpdated("sub_1"));
    await replayEvent(inbox.db, { eventId: id, state: "unmatched", looks: 1 }, decision);
    await inbox.look();

    const reason = "no_contract: sub_1; replayed by operator alice: the parser was mended";
    expect(await inbox.event(id)).toMatchObject({ state: "unmatched", state_reason: reason });
  });

  it.each(["abandoned", "rejected"])("has one become another operation whose first was %s", async (state) => {
    const inbox = await setUpWithContract();
    await inbox.report(subscriptionUpdated("sub_1", { id: "evt_1" }));
    const { id: _, ...ended } = operationRow({ state });
    await inbox.sql`update keiyaku.operations set ${inbox.sql({ ...ended, kind: "record_subscription_change", actor_type: "stripe", actor_id: "evt_1" } as Record<string, string>)} where id = 'stripe.evt_1'`;
    await replayEvent(inbox.db, { eventId: "evt_1", state: "applied", looks: 0 }, decision);
    await inbox.look();

    expect(await inbox.event("evt_1")).toMatchObject({ state: "applied", operation_id: "stripe.evt_1.2" });
    expect(await inbox.operation("stripe.evt_1.2")).toMatchObject({ state: "requested", actor_id: "evt_1" });
  });

  it.each(["requested", "executing", "held", "succeeded"])(
    "never has one that became an operation which is %s",
    async (state) => {
      const inbox = await setUpWithContract();
      await inbox.report(subscriptionUpdated("sub_1", { id: "evt_1" }));
      const { id: _, ...row } = operationRow({ state });
      await inbox.sql`update keiyaku.operations set ${inbox.sql(row as Record<string, string>)} where id = 'stripe.evt_1'`;

      await expect(
        replayEvent(inbox.db, { eventId: "evt_1", state: "applied", looks: 0 }, decision),
      ).rejects.toMatchObject({ fault: "conflict" });
      expect(await inbox.event("evt_1")).toMatchObject({ state: "applied", operation_id: "stripe.evt_1" });
    },
  );

  it("never has one whose body is gone, or that stands otherwise by then", async () => {
    const inbox = await setUpInbox();
    const { id } = await inbox.report(subscriptionUpdated("sub_1"));
    const guard = { eventId: id, state: "unmatched", looks: 1 } as const;
    await expect(replayEvent(inbox.db, { ...guard, looks: 2 }, decision)).rejects.toMatchObject({ fault: "conflict" });
    await inbox.sql`update keiyaku.stripe_events set body = null, mentions = null`;
    await expect(replayEvent(inbox.db, guard, decision)).rejects.toMatchObject({ fault: "conflict" });
  });

  it("ends the wait of one that is nothing of ours", async () => {
    const inbox = await setUpInbox();
    const { id } = await inbox.report(subscriptionUpdated("sub_1"));
    const guard = { eventId: id, state: "unmatched", looks: 1 } as const;
    await ignoreEventByHand(inbox.db, guard, { operatorId: "alice", reason: "another shop's" });

    expect(await inbox.event(id)).toMatchObject({
      state: "ignored",
      state_reason: "ignored by operator alice: another shop's",
      look_at: null,
    });
    await expect(ignoreEventByHand(inbox.db, guard, decision)).rejects.toMatchObject({ fault: "conflict" });
  });
});

describe("old bodies", () => {
  it("are forgotten 45 days after they arrived, but for those that wait for a person", async () => {
    const inbox = await setUpWithContract();
    const applied = await inbox.report(subscriptionUpdated());
    const ignored = await inbox.report(eventOf("invoice.finalized", { id: "in_1" }));
    const held = await inbox.report(eventOf("invoice.paid", { id: "in_1" }));
    const unmatched = await inbox.report(subscriptionUpdated("sub_new"));
    const young = await inbox.report(paymentFailed(1));
    for (const { id } of [applied, ignored, held, unmatched]) await receivedAgo(inbox, id, hours(24 * 45) + 1_000);
    await receivedAgo(inbox, young.id, hours(24 * 45) - 60_000);

    expect(await pruneEvents(inbox.db)).toBe(2);

    const bodies = new Map((await inbox.events()).map(({ id, body }) => [id, body]));
    expect(bodies.get(applied.id)).toBeNull();
    expect(bodies.get(ignored.id)).toBeNull();
    expect(await inbox.event(ignored.id)).toMatchObject({ state: "ignored", mentions: null });
    for (const { id } of [held, unmatched, young]) expect(bodies.get(id)).not.toBeNull();
    expect(await pruneEvents(inbox.db)).toBe(0);
    expect(await inbox.arrive(applied.body as object)).toEqual([]);
  });
});
