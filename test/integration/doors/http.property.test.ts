import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { ledgerParts } from "../../../src/http/ledger-parts.ts";
import { type RelayServer, startRelayServer } from "../../../src/http/relay-server.ts";
import { type ApiBench, createApi, operatorToken, serviceToken } from "../../support/api.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { frozenPuts, frozenRequests } from "../../support/frozen-payloads.ts";
import { readBack, refusalsSay } from "../../support/hostile/read-back.ts";
import { examples, examplesTimeoutMs, within } from "../../support/hostile/try-examples.ts";
import { damaged, hostileJson, mutated, oddTexts } from "../../support/hostile/values.ts";
import { eventMeanings, eventOf, expectedEvents, signedAt } from "../../support/stripe-events.ts";

/*
 * Whatever is sent to the servers that others reach, it is answered, in time, with a problem that names the field where it is
 * one's; never with 5xx, a stack or a statement. The log says of nothing that nobody had expected it.
 */

let bench: ExecutionBench;
let api: ApiBench;
let relay: RelayServer;
const errors: string[] = [];
const log = pino({ level: "error" }, { write: (line: string) => void errors.push(line) });

beforeAll(async () => {
  bench = await createExecutionBench();
  const { db, deps } = bench;
  const parts = ledgerParts({ db, gateway: deps.gateway, business: deps.business, clock: systemClock });
  api = await createApi({ db, log, parts, requestTimeoutMs: 300 });
  relay = await startRelayServer({
    host: "127.0.0.1",
    port: 0,
    db,
    clock: systemClock,
    log,
    expected: expectedEvents(),
  });
  await bench.perform({ id: "register-c-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
});
afterAll(async () => {
  await relay.stop();
  await api.close();
  await bench.close();
});

const requests = [
  ...frozenRequests.map(({ data }) => data.request as Record<string, unknown>),
  { id: "r-1", kind: "suspend", contractId: "c-1" },
].map((request) =>
  Object.fromEntries(Object.entries(request).filter(([key]) => !["requestedAt", "actor"].includes(key))),
);
const puts = frozenPuts.map(({ data }) => Object.values(data).find((value) => typeof value === "object") as object);

/** A segment of a path, or the value of a query, as a client would write it, or a bad one. */
const segments = fc.oneof(
  fc.constantFrom("c-1", "register-c-1", "magazine", "customer-1"),
  fc.constantFrom(...oddTexts.map((text) => encodeURIComponent(text.toWellFormed()))),
  fc.constantFrom("%", "%zz", "%00", "%E3%81", "%C0%80", "a%2Fb", "a;b", ":id", "*", "x".repeat(3_000)),
);

/** No words of a program's inside: no stack, no statement, no driver's. */
const leaks =
  /at (async )?\S+ \(|node_modules|\bselect\b.*\bfrom\b|insert into|keiyaku\.(operations|accept)|DrizzleQuery|PostgresError|SyntaxError|ZodError/i;

describe("the API", () => {
  it(
    "takes any body, and answers with the field at fault",
    async () => {
      const statuses: Record<number, number> = {};
      const bodies = fc.oneof(
        {
          weight: 6,
          arbitrary: fc.tuple(
            fc.constantFrom("POST /operations", "POST /operations", "POST /previews"),
            mutated(...requests),
          ),
        },
        {
          weight: 3,
          arbitrary: fc.tuple(
            fc.tuple(fc.constantFrom("products", "customers"), segments).map((path) => `PUT /${path.join("/")}`),
            mutated(...puts),
          ),
        },
        { weight: 1, arbitrary: fc.tuple(fc.constantFrom("POST /operations", "PUT /products/magazine"), hostileJson) },
      );
      await fc.assert(
        fc.asyncProperty(bodies, fc.constantFrom(operatorToken, serviceToken), async ([to, body], token) => {
          errors.length = 0;
          const [method = "", path = ""] = to.split(" ");
          const reply = await within(10_000, to, api.ask(path, { method, token, body }));
          statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
          expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(500);
          expect(JSON.stringify(reply.body)).not.toMatch(leaks);
          if (reply.body.code === "invalid_request") expect(reply.body.field).not.toBe("");
          const { operation } = reply.body as { operation?: { id: string } };
          if (operation !== undefined) {
            await bench.execute(operation.id);
            await readBack(bench, operation.id);
          }
          expect(errors).toEqual([]);
        }),
        { numRuns: examples(120) },
      );
      expect(Object.keys(statuses)).toEqual(expect.arrayContaining(["200", "400", "409"]));
      expect(await refusalsSay(bench)).toBeGreaterThan(20);
    },
    examplesTimeoutMs,
  );

  it(
    "takes any path and query",
    async () => {
      const routes = fc.constantFrom("operations/", "contracts/", "products/", "customers/", "");
      const queries = fc.oneof(
        fc.constantFrom(
          "",
          "?",
          "?wait=0",
          "?wait=1&wait=2",
          "?customer=c",
          "?customer=customer-1",
          "?__proto__=1",
          "?wait",
        ),
        segments.map((value) => `?wait=${value}`),
        segments.map((value) => `?customer=${value}`),
      );
      const tails = fc.constantFrom("", "/buttons", "/", "//");
      await fc.assert(
        fc.asyncProperty(routes, segments, tails, queries, async (route, id, tail, query) => {
          errors.length = 0;
          const path = `/${route}${id}${tail}${query}`;
          const answer = await within(
            5_000,
            path,
            fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${serviceToken}` } }),
          );
          const text = await answer.text();
          expect(answer.status, `${path} ${text}`).toBeLessThan(500);
          expect(text).not.toMatch(leaks);
          expect(errors).toEqual([]);
        }),
        { numRuns: examples(80) },
      );
    },
    examplesTimeoutMs,
  );
});

it(
  "the relay takes any body under any signature",
  async () => {
    const events = Object.entries(eventMeanings).map(([type, [object]]) => eventOf(type, object));
    const statuses: Record<number, number> = {};
    const signatures = fc.constantFrom(
      "true",
      "true",
      "true",
      "t=1,v1=00",
      "t=,v1=",
      "",
      "t=1",
      "v1=ff,t=99999999999999999999",
      ",,,=,",
      "t=1,t=2,v1=é".normalize("NFD").replace(/[^\x20-\x7e]/g, "?"),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          { weight: 4, arbitrary: mutated(...events).map((text) => Buffer.from(text)) },
          { weight: 1, arbitrary: damaged(mutated(...events)) },
        ),
        signatures,
        async (body, given) => {
          errors.length = 0;
          const signature =
            given === "true" ? signedAt(body.toString("latin1") === "" ? "" : body.toString(), Date.now()) : given;
          const answer = await within(
            10_000,
            "the delivery",
            fetch(`http://127.0.0.1:${relay.port}/stripe/webhooks`, {
              method: "POST",
              body,
              headers: { "stripe-signature": signature },
            }),
          );
          const text = await answer.text();
          statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
          expect(answer.status, text).toBeLessThan(500);
          expect(text).not.toMatch(leaks);
          expect(errors).toEqual([]);
        },
      ),
      { numRuns: examples(80) },
    );
    expect(Object.keys(statuses)).toEqual(expect.arrayContaining(["200", "400"]));
  },
  examplesTimeoutMs,
);

describe("a connection of any sort", () => {
  const body = JSON.stringify({ id: "raw-1", kind: "suspend", contractId: "c-1" });
  const bearer = `authorization: Bearer ${operatorToken}`;
  const json = "content-type: application/json";

  const startLines = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "POST /operations HTTP/1.1",
        "POST /stripe/webhooks HTTP/1.1",
        "GET /operations/raw-1 HTTP/1.1",
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "POST /operations HTTP/1.0",
        "POST /operations HTTP/2.0",
        "PRI * HTTP/2.0",
        "CONNECT db:5432 HTTP/1.1",
        "TRACE / HTTP/1.1",
        "TRACK / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET http://elsewhere.example/operations/raw-1 HTTP/1.1",
        "GET //elsewhere.example/ HTTP/1.1",
        "GET /\\..\\ HTTP/1.1",
        "GET /operations/%ff%fe?%=%& HTTP/1.1",
        "GET /../../etc/passwd HTTP/1.1",
        "GET http://[ HTTP/1.1",
        "M-SEARCH * HTTP/1.1",
        "QUERY /operations HTTP/1.1",
        `GET /${"x".repeat(20_000)} HTTP/1.1`,
        "GET /",
        "",
        "\u0016\u0003\u0001\u0002\u0000",
      ),
    },
  );
  const headers = fc.array(
    fc.constantFrom(
      "host: x",
      "host: a b",
      "host:",
      "host: x\r\nhost: y",
      "host: [::1",
      "host: é",
      bearer,
      json,
      "authorization: Bearer",
      "authorization: Basic eDp5",
      `authorization: Bearer ${"x".repeat(12_000)}`,
      `x-pad: ${"x".repeat(17_000)}`,
      "connection: close",
      "connection: upgrade\r\nupgrade: websocket",
      "upgrade: h2c",
      "expect: 100-continue",
      "expect: something-else",
      "transfer-encoding: chunked",
      "transfer-encoding: gzip, chunked",
      "content-length: 5",
      `content-length: ${body.length}`,
      "content-length: -1",
      "content-length: 99999999999999999999",
      "content-length: 1, 2",
      "content-encoding: gzip",
      "stripe-signature: t=1,v1=00",
      "x\u0000y: z",
      ": no name",
      "no colon",
      " folded",
      "cookie: __proto__=1",
    ),
    { maxLength: 7 },
  );
  const parts = fc.array(
    fc.oneof(
      fc.constantFrom(
        body,
        "0\r\n\r\n",
        `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
        "ffffffffff\r\n",
        "zz\r\n",
        "5;ext=1\r\nab",
        "\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
      ),
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    ),
    { maxLength: 4 },
  );
  const conversations = fc.record({
    requests: fc.array(fc.tuple(startLines, headers, parts), { minLength: 1, maxLength: 3 }),
    dripped: fc.boolean(),
    ending: fc.constantFrom("end", "end", "destroy", "wait"),
  });

  /** Longer than the API waits for a request to arrive whole. */
  const patienceMs = 1_200;

  /** Says all of it, one way or another, and gives what was said back until the server hung up. */
  async function converse(
    port: number,
    {
      requests: asked,
      dripped,
      ending,
    }: {
      readonly requests: readonly (readonly [string, readonly string[], readonly string[]])[];
      readonly dripped: boolean;
      readonly ending: string;
    },
  ) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    let said = "";
    socket.on("data", (chunk: Buffer) => {
      said += chunk.toString("latin1");
    });
    const closed = once(socket, "close");
    await once(socket, "connect");
    const text = asked
      .map(([line, fields, rest]) => `${[line, ...fields].join("\r\n")}\r\n\r\n${rest.join("")}`)
      .join("");
    const bytes = Buffer.from(text, "latin1");
    const step = dripped ? Math.max(1, Math.floor(bytes.length / 5)) : bytes.length;
    for (let from = 0; from < bytes.length && !socket.destroyed; from += step) {
      socket.write(bytes.subarray(from, from + step));
      if (dripped) await new Promise((resolve) => setImmediate(resolve));
    }
    if (ending === "end") socket.end();
    // Who keeps silent is kept waiting for its answer, and a connection that is answered may stay open.
    if (ending === "wait") await Promise.race([closed, systemClock.sleep(patienceMs)]);
    if (ending !== "end") socket.destroy();
    await within(8_000, "the conversation", closed);
    return said;
  }

  it(
    "is answered or ended, and the next one is served",
    async () => {
      let answered = 0;
      await fc.assert(
        fc.asyncProperty(conversations, fc.boolean(), async (conversation, toRelay) => {
          errors.length = 0;
          const said = await converse(toRelay ? relay.port : api.server.port, conversation);
          for (const [, status] of said.matchAll(/HTTP\/1\.[01] (\d{3})/g)) {
            answered += 1;
            // 501 and 505 are Node's own, of what no server of HTTP/1.1 knows.
            if (status !== "501" && status !== "505") expect(Number(status), said).toBeLessThan(500);
          }
          expect(said).not.toMatch(leaks);
          expect(errors).toEqual([]);
        }),
        { numRuns: examples(120) },
      );
      expect(answered).toBeGreaterThan(20);
      expect((await api.ask("/operations/register-c-1")).status).toBe(200);
    },
    examplesTimeoutMs * 2,
  );
});
