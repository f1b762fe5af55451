import { connect } from "node:net";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { type RelayServerOptions, startRelayServer } from "../../../src/http/relay-server.ts";
import { Secret } from "../../../src/secret.ts";
import { Database } from "../../../src/store/database.ts";
import { eventually } from "../../support/eventually.ts";
import {
  bodyOf,
  eventOf,
  expectedEvents,
  invoice,
  otherWebhookSecret,
  signedAt,
  webhookSecret,
} from "../../support/stripe-events.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { addressOf, createTestStore, silentLog } from "../../support/test-database.ts";

const nowMs = 1_790_000_100_000;
const clock = { ...systemClock, nowMs: () => nowMs };
const paid = eventOf("invoice.paid", invoice());

/** A relay on a database of the test's own, whose clock stands still. */
async function setUp(overrides: Partial<RelayServerOptions> = {}) {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const answers: string[] = [];
  const server = await startRelayServer({
    host: "127.0.0.1",
    port: 0,
    db: store.db,
    clock,
    log: silentLog,
    expected: expectedEvents(),
    delivered: (answer) => answers.push(answer),
    ...overrides,
  });
  onTestFinished(() => server.stop());
  const url = `http://127.0.0.1:${server.port}`;
  const ask = async (path: string, init: RequestInit) => {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  };
  /** Sends a body as Stripe does; signed by the first secret at this moment unless told. */
  const send = (body: string, signature: string | null = signedAt(body, nowMs)) =>
    ask("/stripe/webhooks", {
      method: "POST",
      body,
      headers: {
        "content-type": "application/json; charset=utf-8",
        ...(signature === null ? {} : { "stripe-signature": signature }),
      },
    });
  const inbox = () => store.sql`select * from keiyaku.stripe_events order by id`;
  return { store, server, url, ask, send, inbox, answers };
}

describe("a webhook that is an event of ours", () => {
  it("is in the inbox before it is answered, once for all times that it is sent", async () => {
    const { send, inbox, answers, store } = await setUp();
    let rung = 0;
    const unlisten = await store.db.listen("keiyaku_event", () => {
      rung += 1;
    });
    onTestFinished(unlisten);

    const reply = await send(bodyOf(paid));

    expect(reply).toMatchObject({ status: 200, body: { received: true } });
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(await inbox()).toMatchObject([
      {
        id: paid.id,
        type: "invoice.paid",
        livemode: false,
        api_version: "2026-10-28.endive",
        object_id: "in_1",
        body: JSON.parse(bodyOf(paid)),
        arrived_by: "relay",
        state: "received",
        looks: 0,
      },
    ]);
    // Signed anew, as Stripe does when it sends again.
    expect(await send(bodyOf(paid), signedAt(bodyOf(paid), nowMs - 1_000))).toMatchObject({ status: 200 });
    expect(await inbox()).toHaveLength(1);
    expect(answers).toEqual(["taken_in", "duplicate"]);
    await eventually(() => rung > 0, { withinMs: 5_000, describe: "the bell of the inbox" });
    expect(rung).toBe(1);
  });

  it("is one row when it is sent five times at once", async () => {
    const { send, inbox, answers } = await setUp();

    const replies = await Promise.all(Array.from({ length: 5 }, () => send(bodyOf(paid))));

    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await inbox()).toHaveLength(1);
    expect(answers.toSorted()).toEqual(["duplicate", "duplicate", "duplicate", "duplicate", "taken_in"]);
  });

  it("is taken by the old secret and by the new one while both are set, of whatever type and size", async () => {
    const secrets = [new Secret(webhookSecret), new Secret(otherWebhookSecret)];
    const { send, inbox } = await setUp({ expected: expectedEvents({ secrets }) });
    const unknown = bodyOf(eventOf("invoice.sent", invoice()));
    const large = bodyOf(eventOf("invoice.paid", { ...invoice(), description: "請".repeat(340_000) }));

    expect(await send(unknown, signedAt(unknown, nowMs, otherWebhookSecret))).toMatchObject({ status: 200 });
    expect(await send(large, signedAt(large, nowMs, webhookSecret))).toMatchObject({ status: 200 });

    expect(await inbox()).toHaveLength(2);
  });

  it("is taken when its bytes arrive in pieces that are no whole characters", async () => {
    const { server, inbox } = await setUp();
    const body = Buffer.from(bodyOf(paid));
    const cut = body.indexOf("山田") + 1;
    const socket = connect(server.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let said = "";
    socket.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const heads = `POST /stripe/webhooks HTTP/1.1\r\nhost: x\r\nstripe-signature: ${signedAt(body.toString(), nowMs)}\r\n`;

    socket.write(`${heads}transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n`);
    await eventually(() => said.startsWith("HTTP/1.1 100 "), { withinMs: 5_000, describe: "the request to be heard" });
    for (const part of [body.subarray(0, cut), body.subarray(cut)]) {
      socket.write(`${part.byteLength.toString(16)}\r\n`);
      socket.write(part);
      socket.write("\r\n");
    }
    socket.write("0\r\n\r\n");

    await eventually(() => said.includes('{"received":true}'), { withinMs: 5_000, describe: "the answer" });
    expect(await inbox()).toMatchObject([{ body: { data: { object: { customer_name: "山田 花子" } } } }]);
  });
});

describe("a webhook that is none", () => {
  const body = bodyOf(paid);
  const of = (event: object) => [bodyOf(event), signedAt(bodyOf(event), nowMs)] as const;

  it.each<[string, string, string | null, string]>([
    ["signed by nobody", body, null, "signature_invalid"],
    ["signed by somebody else", body, signedAt(body, nowMs, otherWebhookSecret), "signature_invalid"],
    ["parsed and written anew", JSON.stringify(paid), signedAt(body, nowMs), "signature_invalid"],
    ["without a body", "", signedAt("", nowMs), "signature_invalid"],
    ["five minutes old and more", body, signedAt(body, nowMs - 301_000), "signature_expired"],
    ["of a moment that is yet to come", body, signedAt(body, nowMs + 301_000), "signature_ahead"],
    ["no JSON", "hanako@example.com", signedAt("hanako@example.com", nowMs), "event_invalid"],
    ["a thin event", ...of({ ...paid, object: "v2.core.event" }), "event_invalid"],
    ["of live mode", ...of({ ...paid, livemode: true }), "wrong_mode"],
    ["of a connected account", ...of({ ...paid, account: "acct_1" }), "wrong_account"],
  ])("%s: is refused with a code, and no word of it is told or logged", async (_, sent, signature, code) => {
    const lines: string[] = [];
    const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
    const { send, inbox, answers } = await setUp({ log });

    const reply = await send(sent, signature);

    expect(reply).toMatchObject({ status: 400, body: { status: 400, code, type: `urn:keiyaku:problem:${code}` } });
    expect(reply.headers.get("content-type")).toBe("application/problem+json");
    expect(reply.body.requestId).toBe(reply.headers.get("x-request-id"));
    expect(JSON.stringify([reply.body, lines])).not.toMatch(/hanako|acct_1|evt_|in_1|v1=|whsec_/);
    expect(lines).toHaveLength(1);
    expect(answers).toEqual([code]);
    expect(await inbox()).toEqual([]);
  });

  it("of more than a mebibyte is refused whole, whether it says so before or not", async () => {
    const { send, ask, inbox } = await setUp();
    const large = "x".repeat(1_048_577);

    const reply = await send(large).catch((error: Error) => error);
    // Some senders see the connection closed before they read the answer.
    if (!(reply instanceof Error)) expect(reply).toMatchObject({ status: 413, body: { code: "body_too_large" } });
    const streamed = ask("/stripe/webhooks", {
      method: "POST",
      body: new Blob([large]).stream(),
      duplex: "half",
    } as RequestInit);
    const second = await streamed.catch((error: Error) => error);
    if (!(second instanceof Error)) expect(second).toMatchObject({ status: 413, body: { code: "body_too_large" } });

    expect([reply, second].some((each) => !(each instanceof Error))).toBe(true);
    expect(await inbox()).toEqual([]);
    expect(await send(bodyOf(paid))).toMatchObject({ status: 200 });
  });
});

describe("everything else", () => {
  it.each(["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])("%s is no method of the path", async (method) => {
    const { ask } = await setUp();

    const reply = await ask("/stripe/webhooks", { method });

    expect(reply).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
    expect(reply.headers.get("allow")).toBe("POST");
  });

  it.each(["/", "/stripe", "/stripe/webhooks/", "/healthz", "/operations"])("%s is no path", async (path) => {
    const { ask, inbox } = await setUp();

    const body = bodyOf(paid);
    const headers = { "stripe-signature": signedAt(body, nowMs) };

    expect(await ask(path, { method: "POST", body, headers })).toMatchObject({
      status: 404,
      body: { code: "route_not_found" },
    });
    expect(await inbox()).toEqual([]);
  });
});

describe("while the database is", () => {
  /** A relay whose way to the database can be cut. */
  async function setUpProxied() {
    const store = await createTestStore();
    onTestFinished(() => store.close());
    const url = new URL(store.url);
    const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    onTestFinished(() => proxy.stop());
    url.host = `127.0.0.1:${proxy.port}`;
    const db = new Database({ address: addressOf(url.href), poolSize: 2, applicationName: "keiyaku-relay" });
    onTestFinished(() => db.close(100));
    const relay = await setUp({ db, storeWithinMs: 500 });
    const inbox = () => store.sql`select id from keiyaku.stripe_events`;
    return { ...relay, proxy, inbox };
  }

  it.each(["blackHole", "refuse"] as const)(
    "away (%s), it is answered with later, soon, and taken when it is sent again",
    async (mode) => {
      const { send, proxy, inbox, answers } = await setUpProxied();
      expect(await send(bodyOf(eventOf("invoice.paid", invoice())))).toMatchObject({ status: 200 });

      await proxy.setMode(mode);
      if (mode === "refuse") proxy.cutAll();
      const reply = await send(bodyOf(paid));

      expect(reply).toMatchObject({ status: 503, body: { code: "unavailable" } });
      expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(answers).toEqual(["taken_in", "unavailable"]);
      await proxy.setMode("pass");
      const isTaken = async () => (await send(bodyOf(paid))).status === 200;
      await eventually(isTaken, { withinMs: 10_000, describe: "the relay to take it" });
      expect((await inbox()).map(({ id }) => id)).toContain(paid.id);
    },
  );

  it("slow, it is answered with later: Stripe does not wait for it", async () => {
    const { store, send, answers } = await setUp({ storeWithinMs: 300 });
    const locker = await store.sql.reserve();
    await locker`begin`;
    await locker`lock table keiyaku.stripe_events in exclusive mode`;

    expect(await send(bodyOf(paid))).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(answers).toEqual(["unavailable"]);
    await locker`rollback`;
    locker.release();
    expect(await send(bodyOf(paid))).toMatchObject({ status: 200 });
  });
});

it("names RELAY_PORT when the port is taken", async () => {
  const { server } = await setUp();

  await expect(setUp({ port: server.port })).rejects.toMatchObject({
    name: "CannotListen",
    remedy: expect.stringContaining("RELAY_PORT"),
  });
});

it("answers what is at work before it stops, and then no more", async () => {
  let go: (() => void) | undefined;
  const isWritten = new Promise<void>((resolve) => {
    go = resolve;
  });
  const store = await createTestStore({
    onStatement: (moment, name) => (`${moment}:${name}` === "after:take_in_events" ? isWritten : undefined),
  });
  onTestFinished(() => store.close());
  const { send, server } = await setUp({ db: store.db });
  const sending = send(bodyOf(paid));
  await eventually(async () => (await store.sql`select id from keiyaku.stripe_events`).length === 1, {
    withinMs: 5_000,
    describe: "the event in the inbox",
  });

  const stopping = server.stop();
  go?.();

  expect(await sending).toMatchObject({ status: 200 });
  await stopping;
  await expect(send(bodyOf(paid))).rejects.toThrow("fetch failed");
});
