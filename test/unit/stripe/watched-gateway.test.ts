import { expect, onTestFinished, test, vi } from "vitest";
import { Secret } from "../../../src/secret.ts";
import type { GatewayReply, StripeGateway } from "../../../src/stripe/gateway.ts";
import { createStripeGateway, type StripeConnection } from "../../../src/stripe/stripe-gateway.ts";
import {
  type CallWatcher,
  callResults,
  listWords,
  resultOf,
  verbWords,
  watchConnection,
  watchGateway,
} from "../../../src/stripe/watched-gateway.ts";

/** A gateway of which each verb answers with its own name and what it was given. */
function echo(): StripeGateway {
  const verbs = Object.keys(verbWords).map((verb) => [
    verb,
    async (...args: unknown[]) => ({ type: "done", value: [verb, ...args], requestId: null }),
  ]);
  return Object.fromEntries(verbs) as StripeGateway;
}

test("every verb of the real gateway is watched", () => {
  const gateway = createStripeGateway({ secretKey: new Secret("sk_test_x"), apiBase: "http://127.0.0.1:1" });
  onTestFinished(() => gateway.close());

  const others = ["close", "findSubscriptionIn", "listCharges", "listEvents", "listSubscriptions"];
  expect([...Object.keys(verbWords), ...others].toSorted()).toEqual(Object.keys(gateway).toSorted());
});

test("each watcher sees each verb by its word, the first outermost, and the answer comes through unchanged", async () => {
  const seen: string[] = [];
  const watcher =
    (name: string): CallWatcher =>
    async (verb, work) => {
      seen.push(`${name} before ${verb}`);
      const reply = await work();
      seen.push(`${name} after ${verb}`);
      return reply;
    };
  const watched = watchGateway(echo(), [watcher("a"), watcher("b")]);

  expect(await watched.readInvoice("in_1")).toMatchObject({ value: ["readInvoice", "in_1"] });
  expect(seen).toEqual([
    "a before read_invoice",
    "b before read_invoice",
    "b after read_invoice",
    "a after read_invoice",
  ]);
  for (const [verb, word] of Object.entries(verbWords)) {
    seen.length = 0;
    await (watched as unknown as Record<string, () => Promise<unknown>>)[verb]?.();
    expect(seen[0]).toBe(`a before ${word}`);
  }
});

test("a defect reaches the caller through the watchers", async () => {
  const gateway: StripeGateway = { ...echo(), readInvoice: () => Promise.reject(new TypeError("ours")) };

  await expect(watchGateway(gateway, [(_, work) => work()]).readInvoice("in_1")).rejects.toThrow("ours");
});

test.each<[GatewayReply<string>, string]>([
  [{ type: "done", value: "x", requestId: null }, "done"],
  [{ type: "refused", code: "not_found", requestId: null }, "refused"],
  [{ type: "not_now", reason: "unauthorized", requestId: null }, "unauthorized"],
  [{ type: "not_now", reason: "rate_limited", requestId: null }, "rate_limited"],
  [{ type: "unknown", reason: "timeout", requestId: null }, "unknown"],
  [{ type: "unexplained", code: "x", httpStatus: 400, requestId: null }, "unexplained"],
])("%o is told as %s", (reply, word) => {
  expect(resultOf(reply)).toBe(word);
  expect(callResults).toContain(word);
});

test("what no rule asks is watched with the rest of a connection, and the rest of it stays as it is", async () => {
  const lists = Object.keys(listWords).map((verb) => [
    verb,
    async (...args: unknown[]) => ({ type: "done", value: [verb, ...args], requestId: null }),
  ]);
  const close = vi.fn();
  const connection = { ...echo(), ...Object.fromEntries(lists), close } as unknown as StripeConnection;
  const seen: string[] = [];
  const watcher: CallWatcher = async (verb, work) => {
    seen.push(verb);
    return work();
  };

  const watched = watchConnection(connection, [watcher]);

  for (const verb of Object.keys(listWords) as (keyof typeof listWords)[]) {
    const ask = watched[verb] as (argument: unknown) => Promise<unknown>;
    expect(await ask("cus_1")).toEqual({ type: "done", value: [verb, "cus_1"], requestId: null });
  }
  await watched.readSubscription("sub_1");
  expect(seen).toEqual(["list_events", "list_subscriptions", "list_charges", "read_subscription"]);
  watched.close();
  expect(close).toHaveBeenCalledOnce();
});
