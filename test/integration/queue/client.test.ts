import { describe, expect, expectTypeOf, it } from "vitest";
import {
  createClient,
  createHttpClient,
  InvalidRequest,
  type ParamsOf,
  type TypedRequest,
} from "../../../src/client.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { actor, clientOf, idsIn, rejectionOf, setUpQueue, suspend } from "./set-up-client.ts";

const minutesFromNow = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
const day = 24 * 60;

describeOnBackends("a client", (type) => {
  it("queues a request with the fields that it was given, and says when it was asked for", async () => {
    const queue = await setUpQueue(type);
    const now = "2026-01-20T03:00:00.000Z";
    const clock = {
      now: () => now,
      nowMs: () => Date.parse(now),
      monotonicMs: () => 0,
      sleep: () => Promise.resolve(),
    };

    const answer = await clientOf({ ...queue.clientOptions, clock }).request({
      ...suspend("op-1"),
      params: { period: 3 },
      reason: "unpaid",
    });

    expect(answer).toEqual({ id: "op-1", queued: true });
    const [job] = await queue.foreign.getJobs(["waiting"]);
    expect(job?.name).toBe("request");
    expect(job?.data).toEqual({
      v: 1,
      request: {
        id: "op-1",
        kind: "suspend",
        contractId: "c-1",
        actor,
        params: { period: 3 },
        reason: "unpaid",
        requestedAt: now,
      },
    });
  });

  it("queues many in the order given, however many", async () => {
    const queue = await setUpQueue(type);
    const ids = Array.from({ length: 1_201 }, (_, index) => `op-${index}`);

    const answers = await clientOf(queue.clientOptions).requestMany(ids.map(suspend));

    expect(answers).toEqual(ids.map((id) => ({ id, queued: true })));
    expect(await idsIn(queue)).toEqual(ids);
  });

  it("queues none of many when one is wrong, and names which and what", async () => {
    const queue = await setUpQueue(type);
    const wrong = { ...suspend("op-2"), params: { period: -1 } };

    const { error } = await rejectionOf(clientOf(queue.clientOptions).requestMany([suspend("op-1"), wrong]));

    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error).toMatchObject({ index: 1, field: "params.period" });
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
  });

  it("queues the same request once while it waits, and another of the same id beside it", async () => {
    const queue = await setUpQueue(type);
    const client = clientOf(queue.clientOptions);

    await client.request({ ...suspend("op-1"), requestedAt: minutesFromNow(-60) });
    await client.request({ ...suspend("op-1"), requestedAt: minutesFromNow(-1) });
    await client.request({ ...suspend("op-1"), reason: "another" });

    expect(await idsIn(queue)).toEqual(["op-1", "op-1"]);
  });

  it("serves callers at the same time, from the first call on", async () => {
    const queue = await setUpQueue(type);
    const client = clientOf(queue.clientOptions);
    const ids = Array.from({ length: 50 }, (_, index) => `op-${index}`);

    await Promise.all(ids.map((id) => client.request(suspend(id))));

    expect((await idsIn(queue)).toSorted()).toEqual(ids.toSorted());
  });
});

describe("a client that was not used", () => {
  it("closes at once", async () => {
    const client = createClient({ databaseUrl: "postgres://nobody@127.0.0.1:1/nowhere" });

    await expect(client.close()).resolves.toBeUndefined();
  });
});

/** The parameters of a registration with so many payments. */
function termsOf(payments: number) {
  return {
    productId: "magazine",
    customerId: "customer-1",
    kind: "monthly",
    paymentMethod: "card",
    priceMinor: 1_980,
    startOn: "2000-10-08",
    payments: Array.from({ length: payments }, (_, period) => ({
      subject: "period",
      period,
      paidAt: "2024-10-08T01:00:00Z",
      stripePaymentIntentId: `pi_${"x".repeat(60)}`,
      stripeInvoiceId: `in_${"x".repeat(60)}`,
    })),
  };
}

describe("what a client checks before it queues", () => {
  const client = createClient({ databaseUrl: "postgres://nobody@127.0.0.1:1/nowhere" });
  const at = { requestedAt: minutesFromNow(0) };

  it.each([
    ["an id with a space", { ...suspend("op 1") }, "id"],
    ["an unknown kind", { ...suspend("op-1"), kind: "erase" }, "kind"],
    ["no contract", { ...suspend("op-1"), contractId: undefined }, "contractId"],
    ["an actor who may not ask", { ...suspend("op-1"), actor: { type: "schedule", id: "x" } }, "actor.type"],
    ["a field too many", { ...suspend("op-1"), ...at, priority: 1 }, "priority"],
    ["a reason that is too long", { ...suspend("op-1"), reason: "x".repeat(2_001) }, "reason"],
    ["a parameter of another kind", { ...suspend("op-1"), params: { paidPeriods: [0] } }, "params.paidPeriods"],
    [
      "a wrong item of a list",
      { ...suspend("op-1"), kind: "resume", params: { paidPeriods: [0, 1.5] } },
      "params.paidPeriods.1",
    ],
    ["parameters that are no object", { ...suspend("op-1"), params: "none" }, "params"],
    ["a character that is no text", { ...suspend("op-1"), reason: "a\0" }, "reason"],
    ["half of a surrogate pair", { ...suspend("op-1"), actor: { type: "operator", id: "\uD800" } }, "actor.id"],
    ["more than 64 KiB", { ...suspend("op-1"), kind: "register", params: termsOf(400) }, "request"],
    ["a time without a zone", { ...suspend("op-1"), requestedAt: "2026-01-20T03:00:00" }, "requestedAt"],
    ["a time that lies an hour ahead", { ...suspend("op-1"), requestedAt: minutesFromNow(60) }, "requestedAt"],
    ["a time of a year ago", { ...suspend("op-1"), requestedAt: minutesFromNow(-365 * day) }, "requestedAt"],
    ["a key that is no data", { ...suspend("op-1"), params: JSON.parse('{"__proto__": {"period": 1}}') }, "params"],
    [
      "such a key further in",
      { ...suspend("op-1"), kind: "register", params: { ...termsOf(1), stripe: JSON.parse('{"__proto__": {}}') } },
      "params",
    ],
    ["null", null, "request"],
    ["nothing", undefined, "request"],
    ["no object", "cancel", "request"],
    ["a list", [], "request"],
  ])("is %s", async (_, request, field) => {
    const { error } = await rejectionOf(client.requestMany([suspend("fine"), request as TypedRequest]));

    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error).toMatchObject({ index: 1, field, message: expect.stringContaining(`request 1: ${field} `) });
  });
});

describe("what is near the borders of the ledger's times", () => {
  it.each([4, -30 * day])("is queued: %i minutes from now", async (minutes) => {
    const queue = await setUpQueue("postgres");
    const request = { ...suspend("op-1"), requestedAt: minutesFromNow(minutes) };

    expect(await clientOf(queue.clientOptions).request(request)).toEqual({ id: "op-1", queued: true });
  });
});

describe("a single request that is none", () => {
  it.each([null, undefined, "cancel"])("is refused as one of many is: %j", async (request) => {
    const byQueue = createClient({ databaseUrl: "postgres://nobody@127.0.0.1:1/nowhere" });
    const byHttp = createHttpClient({ baseUrl: "http://127.0.0.1:1", token: "x" });
    for (const client of [byQueue, byHttp]) {
      const { error } = await rejectionOf(client.request(request as unknown as TypedRequest));
      expect(error).toBeInstanceOf(InvalidRequest);
      expect(error).toMatchObject({ index: 0, field: "request" });
    }
  });
});

describe("the parameters that the compiler asks for", () => {
  it("are those of the kind, as a requester writes them", () => {
    expectTypeOf<ParamsOf<"suspend">>().toEqualTypeOf<{ period?: number | undefined }>();
    expectTypeOf<ParamsOf<"confirm_payment">>().toEqualTypeOf<{ paidPeriods?: number[] | undefined }>();
    expectTypeOf<ParamsOf<"cancel_with_refund">>().toEqualTypeOf<Record<string, never>>();
    expectTypeOf<ParamsOf<"register">>().toHaveProperty("startOn").toEqualTypeOf<string>();
    // What has a default may be left out.
    expectTypeOf<ParamsOf<"register">["initialFeeMinor"]>().toEqualTypeOf<number | undefined>();
  });

  it("go with their kind in a request", () => {
    type Params<Request extends TypedRequest> = Request["params"];
    expectTypeOf<Params<TypedRequest<"suspend">>>().toEqualTypeOf<ParamsOf<"suspend"> | undefined>();
    expectTypeOf<{
      id: string;
      kind: "suspend";
      contractId: string;
      actor: typeof actor;
      params: { period: number };
    }>().toExtend<TypedRequest>();
    expectTypeOf<{
      id: string;
      kind: "suspend";
      contractId: string;
      actor: typeof actor;
      params: { paidPeriods: number[] };
    }>().not.toExtend<TypedRequest<"suspend">>();
    expectTypeOf<{ id: string; kind: "erase"; contractId: string; actor: typeof actor }>().not.toExtend<TypedRequest>();
    // Only people and their services come through a door.
    expectTypeOf<TypedRequest["actor"]["type"]>().toEqualTypeOf<"operator" | "customer" | "service">();
  });
});
