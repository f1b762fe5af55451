import { describe, expect, it, onTestFinished } from "vitest";
import { unmatchedLooksMax } from "../../../src/inbox/decide-event.ts";
import { ignoreEventByHand } from "../../../src/store/decide-event-by-hand.ts";
import { settleOperation } from "../../../src/store/settle-operation.ts";
import { addOperations, insertRows, paymentRow } from "../../support/store-rows.ts";
import { untilWaitingForLocks } from "../store/support/until-waiting.ts";
import { setUpReportedLife } from "./reported-life.ts";
import { addCardContract, eventOf, type InboxBench, setUpInbox, subscriptionUpdated } from "./set-up-inbox.ts";

/*
 * What Stripe tells of a customer is forgotten with their last contract, whatever type of event told it, in whatever state it
 * is, and whether it came before the registration, while the contract lived, while it was being deleted, or afterwards.
 */

const person = { name: "山田 花子", email: "Hanako@Example.com" };
const tells = /山田|hanako|cus_1|sub_1|pi_1|in_1/i;

/** Of a customer alone: none of it is about a subscription, an invoice or an intent. */
const ofCustomer = {
  "customer.updated": { id: "cus_1", object: "customer", ...person },
  "payment_method.attached": { id: "pm_1", customer: "cus_1", billing_details: person },
};

/** Of a contract, in many ways, and from none of it anything follows. */
const ofContract = {
  "invoice.finalized": {
    id: "in_9",
    customer: "cus_1",
    customer_name: person.name,
    lines: [{ subscription: "sub_1" }],
  },
  "invoice.created": { id: "in_8", parent: { subscription_details: { subscription: "sub_1" } }, ...person },
  "charge.succeeded": { id: "ch_1", payment_intent: "pi_1", billing_details: person },
  "radar.early_fraud_warning.created": { id: "issfr_1", charge: "ch_1", payment_intent: "pi_1", note: person.name },
  "credit_note.created": { id: "cn_1", invoice: "in_1", memo: person.name },
  "charge.refunded": { id: "ch_2", payment_intent: null, customer: "cus_1", billing_details: person },
  "checkout.session.completed": { id: "cs_1", customer: null, customer_details: person },
};

function eventsOf(objects: Readonly<Record<string, object>>) {
  return Object.entries(objects).map(([type, object]) => eventOf(type, object));
}

/** Deletes a contract as the operation `delete` does in the end. */
async function erase({ sql, db }: InboxBench, contractId = "c-1", stripeIds = ["cus_1", "sub_1", "in_1", "pi_1"]) {
  const operationId = `delete-${contractId}`;
  await addOperations(sql, { id: operationId, kind: "delete", state: "executing", contract_id: contractId });
  return settleOperation(db, {
    guard: { operationId, state: "executing", attempt: 1 },
    contractId,
    contract: { contractId, version: 1 },
    product: null,
    change: { deletion: { customerId: null, stripeIds, payments: [] } },
    outcome: {},
  });
}

/** The contract `c-1` of `cus_1` that `sub_1` bills, and whose first period is paid. */
async function register(inbox: InboxBench, overrides: Record<string, unknown> = {}) {
  await addCardContract(inbox, overrides);
  await inbox.sql`update keiyaku.customers set email = 'HANAKO@example.com'`;
  const { id: contract_id = "c-1" } = overrides;
  const ids = contract_id === "c-1" ? { stripe_payment_intent_id: "pi_1", stripe_invoice_id: "in_1" } : {};
  await insertRows(inbox.sql, "payments", paymentRow({ contract_id, ...ids }));
}

async function setUp(): Promise<InboxBench> {
  const inbox = await setUpInbox();
  await register(inbox);
  return inbox;
}

async function bodies(inbox: InboxBench): Promise<string> {
  return JSON.stringify((await inbox.events()).map(({ body }) => body));
}

function count(inbox: InboxBench): Promise<number> {
  return inbox.events().then((events) => events.filter(({ body }) => body !== null).length);
}

describe("what nothing follows from", () => {
  it("is kept as long as other events, whosever it is", async () => {
    const inbox = await setUp();
    await inbox.report(...eventsOf(ofCustomer), ...eventsOf(ofContract));
    await inbox.report(eventOf("customer.updated", { id: "cus_9", email: "taro@example.com" }));

    for (const event of await inbox.events()) {
      expect(event).toMatchObject({ state: "ignored", contract_id: null, body: expect.anything() });
    }
  });

  it.each(Object.entries({ ...ofCustomer, ...ofContract }))(
    "is forgotten by the deletion: %s",
    async (type, object) => {
      const inbox = await setUp();
      const event = await inbox.report(eventOf(type, object));
      await inbox.report(eventOf(type, { id: "xx_9", customer: "cus_9", email: "taro@example.com" }));
      expect(event.body).not.toBeNull();
      await erase(inbox);

      expect(await inbox.event(event.id)).toMatchObject({ state: "ignored", body: null, mentions: null });
      // What is another's stays.
      expect(await count(inbox)).toBe(1);
    },
  );

  it("is forgotten also if it came before the registration", async () => {
    const inbox = await setUpInbox();
    await inbox.report(...eventsOf(ofContract), ...eventsOf(ofCustomer));
    await register(inbox);
    expect(await count(inbox)).toBe(9);
    await erase(inbox);

    expect(await count(inbox)).toBe(0);
  });

  it.each(Object.entries({ ...ofCustomer, ...ofContract }))(
    "is forgotten as it comes after the deletion: %s",
    async (type, object) => {
      const inbox = await setUp();
      await erase(inbox);
      const event = await inbox.report(eventOf(type, object));

      // Who a mere address belongs to is not known any more.
      if (type === "checkout.session.completed")
        expect(event).toMatchObject({ state: "ignored", body: expect.anything() });
      else expect(event).toMatchObject({ state: "ignored", body: null, mentions: null });
    },
  );

  it.each([["replaced", { former_stripe_subscription_ids: ["sub_0"] }, "sub_0"]])(
    "is found by a subscription that was %s",
    async (_, overrides, id) => {
      const inbox = await setUpInbox();
      await addCardContract(inbox, overrides);
      await inbox.report(eventOf("invoice.finalized", { id: "in_7", subscription: id }));
      await erase(inbox, "c-1", ["cus_1", "sub_1", "sub_0"]);

      expect(await count(inbox)).toBe(0);
    },
  );
});

describe("a customer with several contracts", () => {
  async function setUpTwo() {
    const inbox = await setUp();
    await register(inbox, { id: "c-2", stripe_subscription_id: "sub_2" });
    return inbox;
  }

  it("is forgotten with the last of them; what is of one alone, with that", async () => {
    const inbox = await setUpTwo();
    await inbox.report(...eventsOf(ofCustomer), ...eventsOf(ofContract));
    const ofOther = await inbox.report(
      eventOf("invoice.finalized", { id: "in_2", customer: "cus_1", lines: ["sub_2"] }),
    );
    await erase(inbox);

    const left = async () => (await inbox.events()).filter(({ body }) => body !== null).map(({ type }) => type);
    expect((await left()).sort()).toEqual([
      "charge.refunded",
      "checkout.session.completed",
      "customer.updated",
      "invoice.finalized",
      "payment_method.attached",
    ]);
    expect((await inbox.event(ofOther.id)).body).not.toBeNull();
    await erase(inbox, "c-2", ["cus_1", "sub_2"]);
    expect(await left()).toEqual([]);
  });

  it("is still told of after the deletion of one, but not of that one", async () => {
    const inbox = await setUpTwo();
    await erase(inbox);

    for (const event of eventsOf(ofCustomer)) {
      expect(await inbox.report(event)).toMatchObject({ state: "ignored", body: expect.anything() });
    }
    expect(await inbox.report(eventOf("invoice.finalized", ofContract["invoice.finalized"]))).toMatchObject({
      body: null,
    });
  });

  it("is told of late money of a deleted one, which is forgotten once it is buried with that", async () => {
    const inbox = await setUpTwo();
    await erase(inbox);
    const charge = { id: "ch_8", payment_intent: "pi_late", customer: "cus_1", billing_details: person };
    const { id } = await inbox.report(eventOf("charge.succeeded", charge));
    const other = await inbox.report(eventOf("charge.succeeded", { ...charge, payment_intent: "pi_other" }));
    expect(await inbox.event(id)).toMatchObject({ state: "ignored", body: expect.anything() });
    await addOperations(inbox.sql, { id: "late", kind: "record_payment", state: "executing" });
    await settleOperation(inbox.db, {
      guard: { operationId: "late", state: "executing", attempt: 1 },
      contractId: "c-1",
      contract: { contractId: "c-1", version: 1, isTombstone: true },
      product: null,
      change: { burial: { latePayments: [], stripeIds: ["cus_1", "pi_late"] } },
      outcome: {},
    });

    expect(await inbox.event(id)).toMatchObject({ body: null, mentions: null });
    expect((await inbox.event(other.id)).body).not.toBeNull();
  });

  it("is forgotten also when both are deleted at the same moment", async () => {
    const inbox = await setUpTwo();
    await inbox.report(...eventsOf(ofCustomer));
    const other = await inbox.sql.reserve();
    onTestFinished(() => other.release());
    await other`begin`;
    // At a row, so that both have taken their snapshots: a lock of a table is waited for before.
    await other`select from keiyaku.contracts for update`;
    const erasing = [erase(inbox), erase(inbox, "c-2", ["cus_1", "sub_2"])];
    await untilWaitingForLocks(inbox.sql, 2);
    await other`commit`;
    const refused = (await Promise.allSettled(erasing)).filter(({ status }) => status === "rejected");
    expect(refused).toMatchObject([{ reason: { fault: "conflict" } }]);
    // Whoever was refused decides again.
    const [left] = await inbox.sql`select id from keiyaku.contracts`;
    await inbox.sql`delete from keiyaku.operations where contract_id = ${left?.id}`;
    await erase(inbox, left?.id, ["cus_1", "sub_1", "sub_2", "in_1", "pi_1"]);

    expect(await inbox.sql`select id from keiyaku.customers`).toEqual([]);
    expect(await count(inbox)).toBe(0);
  });

  it("who comes again after the deletion is told of again", async () => {
    const inbox = await setUp();
    await erase(inbox);
    await inbox.report(eventOf("customer.updated", ofCustomer["customer.updated"]));
    expect(await count(inbox)).toBe(0);
    await register(inbox, { id: "c-3", stripe_subscription_id: "sub_3" });

    await inbox.report(eventOf("customer.updated", ofCustomer["customer.updated"]));
    expect(await count(inbox)).toBe(1);
  });
});

describe("an event that waits", () => {
  const ofUnknown = (facts = {}) =>
    eventOf("refund.created", {
      id: "re_9",
      object: "refund",
      payment_intent: "pi_9",
      customer: "cus_1",
      destination_details: person,
      metadata: { note: person.name },
      ...facts,
    });

  it("for its contract, and mentions a deleted customer, keeps what is needed to find another, and no more", async () => {
    const inbox = await setUp();
    const before = await inbox.report(ofUnknown());
    expect(before).toMatchObject({ state: "unmatched", body: { data: { object: { customer: "cus_1" } } } });
    await erase(inbox);
    const after = await inbox.report(ofUnknown({ id: "re_8" }));

    for (const { id } of [before, after]) {
      const event = await inbox.event(id);
      expect(event).toMatchObject({ state: "unmatched", state_reason: "no_contract: pi_9", mentions: ["pi_9"] });
      expect(JSON.stringify(event.body)).not.toMatch(tells);
    }
    // They come again, and buy something else: nothing of it is lost.
    await register(inbox, {
      id: "c-3",
      kind: "one_time",
      status: "established",
      stripe_subscription_id: null,
      stripe_payment_intent_id: "pi_9",
    });
    await inbox.makeDue();
    await inbox.look();
    for (const { id } of [before, after]) {
      expect(await inbox.event(id)).toMatchObject({ contract_id: "c-3" });
    }
  });

  it("keeps no more when it rests, and is told of by no second mail", async () => {
    const inbox = await setUp();
    const { id } = await inbox.report(ofUnknown());
    await inbox.sql`update keiyaku.stripe_events set looks = ${unmatchedLooksMax - 1}`;
    await inbox.makeDue();
    await inbox.look();
    expect(await inbox.event(id)).toMatchObject({ state: "unmatched", look_at: null });
    await erase(inbox);
    await inbox.look();

    const event = await inbox.event(id);
    expect(event).toMatchObject({ state: "unmatched", look_at: null });
    expect(JSON.stringify(event.body)).not.toMatch(tells);
    expect(await inbox.notifications()).toHaveLength(1);
  });

  it("for a person keeps no more either, if it came after the deletion; before, it is ignored", async () => {
    const inbox = await setUp();
    const unreadable = (id: string) => eventOf("invoice.paid", { id, customer: "cus_1", customer_name: person.name });
    const before = await inbox.report(unreadable("in_8"));
    expect(before).toMatchObject({ state: "held", body: expect.anything() });
    await erase(inbox);
    const after = await inbox.report(unreadable("in_9"));

    expect(await inbox.event(before.id)).toMatchObject({
      state: "ignored",
      state_reason: "contract_deleted",
      body: null,
    });
    expect(after).toMatchObject({ state: "held", state_reason: "unreadable: data.object.attempt_count" });
    expect(JSON.stringify(after.body)).not.toMatch(tells);
  });

  it("for a person since it has failed five times keeps no more either", async () => {
    const inbox = await setUp();
    await erase(inbox);
    await inbox.sql`create function refuse_poison() returns trigger language plpgsql as
      $$ begin raise exception 'poison' using errcode = '22023'; end $$`;
    await inbox.sql`create trigger poison before insert on keiyaku.operations for each row execute function refuse_poison()`;
    const charge = { id: "ch_1", payment_intent: "pi_1", customer: "cus_1", billing_details: person };
    const { id } = await inbox.report(eventOf("charge.refunded", charge));
    for (let look = 2; look <= 5; look += 1) {
      await inbox.makeDue();
      await inbox.look();
    }

    const event = await inbox.event(id);
    expect(event).toMatchObject({ state: "held", state_reason: "failed: 22023" });
    expect(JSON.stringify(event.body)).not.toMatch(/山田|hanako|cus_1/i);
  });

  it("and that a person has ignored is forgotten with what it mentions", async () => {
    const inbox = await setUp();
    const { id } = await inbox.report(ofUnknown());
    const guard = { eventId: id, state: "unmatched", looks: 1 } as const;
    await ignoreEventByHand(inbox.db, guard, { operatorId: "alice", reason: "not Hanako's" });
    await erase(inbox);

    expect(await inbox.event(id)).toMatchObject({ body: null, state_reason: "ignored by operator" });
  });

  it("that is not marked as ours is forgotten with what it mentions", async () => {
    const inbox = await setUpInbox({ metadataKey: "contract" });
    await register(inbox);
    const intent = {
      id: "pi_9",
      object: "payment_intent",
      metadata: {},
      customer: "cus_1",
      receipt_email: person.email,
    };
    const { id } = await inbox.report(eventOf("payment_intent.succeeded", intent));
    for (let look = 2; look <= 3; look += 1) {
      await inbox.makeDue();
      await inbox.look();
    }
    expect(await inbox.event(id)).toMatchObject({ state_reason: "not_ours: pi_9", body: expect.anything() });
    await erase(inbox);

    expect(await inbox.event(id)).toMatchObject({ state: "ignored", body: null });
  });
});

describe("while a contract is being deleted", () => {
  it.each(["requested", "executing", "held"])(
    "nothing of it is concluded that the deletion might miss: it is %s",
    async (state) => {
      const inbox = await setUp();
      await addOperations(inbox.sql, { id: "delete-0", kind: "delete", state });
      const event = eventOf("invoice.finalized", ofContract["invoice.finalized"]);
      const { id } = await inbox.report(event);
      const other = await inbox.report(eventOf("customer.updated", { id: "cus_9" }));

      expect(other).toMatchObject({ state: "ignored" });
      const waits = { state: "received", state_reason: "deletion_open: delete-0" };
      expect(await inbox.event(id)).toMatchObject({ ...waits, looks: 1 });
      await inbox.makeDue();
      await inbox.look();
      expect(await inbox.event(id)).toMatchObject({ ...waits, looks: 2 });
      await inbox.sql`update keiyaku.operations set state = 'rejected', rejection_code = 'operation_held', concluded_at = now(),
      ring_at = null, occupies = false where id = 'delete-0'`;
      await inbox.makeDue();
      await inbox.look();
      expect(await inbox.event(id)).toMatchObject({ state: "ignored", body: expect.anything() });
    },
  );

  it("it does not matter what of it an event mentions", async () => {
    const inbox = await setUpInbox();
    await register(inbox, { former_stripe_subscription_ids: ["sub_0"] });
    await register(inbox, {
      id: "c-2",
      kind: "one_time",
      status: "established",
      stripe_customer_id: "cus_2",
      stripe_subscription_id: null,
      stripe_payment_intent_id: "pi_2",
    });
    for (const contract_id of ["c-1", "c-2"]) {
      await addOperations(inbox.sql, { id: `delete-${contract_id}`, kind: "delete", state: "executing", contract_id });
    }
    const ids = { cus_1: "c-1", sub_1: "c-1", sub_0: "c-1", pi_1: "c-1", in_1: "c-1", cus_2: "c-2", pi_2: "c-2" };
    for (const [mentioned, contractId] of Object.entries(ids)) {
      const { state_reason } = await inbox.report(eventOf("review.opened", { id: "prv_1", of: mentioned }));
      expect([mentioned, state_reason]).toEqual([mentioned, `deletion_open: delete-${contractId}`]);
    }
  });

  it("an event that the deletion has not seen is forgotten at its end all the same", async () => {
    const inbox = await setUp();
    // The deletion's statement has begun, and stands at a lock: what comes from now on it does not see.
    const other = await inbox.sql.reserve();
    onTestFinished(() => other.release());
    await other`begin`;
    await other`select from keiyaku.contracts for update`;
    const erasing = erase(inbox);
    await untilWaitingForLocks(inbox.sql, 1);
    const { id } = await inbox.report(eventOf("invoice.finalized", ofContract["invoice.finalized"]));
    expect(await inbox.event(id)).toMatchObject({ state: "received", body: expect.anything() });
    await other`commit`;
    await erasing;
    expect(await inbox.event(id)).toMatchObject({ state: "received", body: expect.anything() });
    await inbox.makeDue();
    await inbox.look();

    expect(await inbox.event(id)).toMatchObject({ state: "ignored", body: null });
  });

  it("an event that another process is about to ignore is looked at again", async () => {
    const inbox = await setUp();
    const event = eventOf("invoice.finalized", ofContract["invoice.finalized"]);
    const [id = ""] = await inbox.arrive(event);
    const other = await inbox.sql.reserve();
    onTestFinished(() => other.release());
    await other`begin`;
    await other`select from keiyaku.stripe_events for update`;
    const erasing = erase(inbox);
    await untilWaitingForLocks(inbox.sql, 1);
    // It had decided before the deletion was asked for, and writes now.
    await other`update keiyaku.stripe_events set state = 'ignored', state_reason = 'type_not_used', look_at = null,
      concluded_at = now()`;
    await other`commit`;
    await erasing;

    expect(await inbox.event(id)).toMatchObject({ state: "ignored", body: null, mentions: null });
  });
});

describe("after a deletion", () => {
  it("no stored body tells of the customer: neither name nor address nor an id, whatever Stripe has reported", async () => {
    const life = await setUpReportedLife({ daysAgo: 75 });
    await life.sdk.customers.update(life.customerId, person, life.onDashboard);
    await life.hear();
    await life.register();
    await life.until(32);
    await life.hear();
    await life.payWith("pm_card_chargeCustomerFail");
    await life.until(64);
    await life.hear();
    await life.report(eventOf("checkout.session.completed", ofContract["checkout.session.completed"]));
    await life.report(
      eventOf("refund.created", { id: "re_9", payment_intent: "pi_9", customer: life.customerId, ...person }),
    );
    await life.report(eventOf("invoice.paid", { id: "in_9", customer: life.customerId, ...person }));
    const ids = [life.customerId, life.subscriptionId, (await life.invoice(0)).paymentIntentId, "customer-1"];
    const traces = new RegExp(`山田|花子|hanako|${ids.join("|")}`, "i");
    const before = (await life.events()).map(({ type }) => type);
    expect(await bodies(life)).toMatch(traces);
    expect(before).toEqual(expect.arrayContaining(["customer.created", "charge.succeeded", "invoice.finalized"]));

    const [deleted] = [await life.ask("delete", { confirm: life.contractId })];
    expect(deleted).toMatchObject({ state: "succeeded" });
    await life.follow();
    expect(await bodies(life)).not.toMatch(traces);
    // What the deletion itself did is reported, too, and the customer goes at Stripe.
    await life.sdk.customers.update(life.customerId, { name: "山田 花子" }, life.onDashboard);
    await life.hear();

    expect((await life.events()).length).toBeGreaterThan(before.length);
    expect(await bodies(life)).not.toMatch(traces);
    const columns = JSON.stringify((await life.events()).map(({ mentions }) => mentions));
    expect(columns).not.toMatch(traces);
  });

  it("an event of another contract that is left stays as it was", async () => {
    const inbox = await setUp();
    await register(inbox, { id: "c-2", stripe_subscription_id: "sub_2", stripe_customer_id: "cus_2" });
    const { id } = await inbox.report(subscriptionUpdated("sub_2"));
    await erase(inbox);

    expect(await inbox.event(id)).toMatchObject({ state: "applied", contract_id: "c-2", body: expect.anything() });
  });
});
