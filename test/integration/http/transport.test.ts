import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { createLogger } from "../../../src/log.ts";
import { Database } from "../../../src/store/database.ts";
import { checkAgainstDocument, operatorToken, setUpApi, shareApi } from "../../support/api.ts";
import { eventually } from "../../support/eventually.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { addressOf } from "../../support/test-database.ts";

const suspend = { id: "op-1", kind: "suspend", contractId: "c-1" } as const;
const post = { method: "POST", body: suspend } as const;
const routes: readonly (readonly [string, string])[] = [
  ["POST", "/operations"],
  ["GET", "/operations/op-1"],
  ["POST", "/previews"],
  ["GET", "/contracts/c-1"],
  ["GET", "/contracts/c-1/buttons"],
  ["PUT", "/products/magazine"],
  ["PUT", "/customers/customer-1"],
];
const withBody = routes.filter(([method]) => method !== "GET");

describe("without a token that is known", () => {
  const shared = shareApi();

  const others = [
    ["OPTIONS", "/operations"],
    ["DELETE", "/operations"],
    ["GET", "/nowhere"],
  ] as const;

  it.each([...routes, ...others])("%s %s is 401, and nothing is told or done", async (method, path) => {
    const { ask, bench } = shared();
    const body = method === "POST" || method === "PUT" ? suspend : undefined;

    for (const token of [null, "x".repeat(36)]) {
      const reply = await ask(path, { method, token, body });
      expect([reply.status, reply.body.code]).toEqual([401, "unauthorized"]);
      expect(reply.headers.get("www-authenticate")).toMatch(/^Bearer realm="keiyaku"/);
    }
    expect(await bench.sql`select id from keiyaku.operations`).toEqual([]);
  });
});

describe("methods and paths", () => {
  const shared = shareApi();

  it.each(routes)("besides %s, %s knows OPTIONS, and refuses others", async (method, path) => {
    const { ask } = shared();
    const allow = method === "GET" ? "GET, HEAD, OPTIONS" : `${method}, OPTIONS`;

    const options = await ask(path, { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, allow]);
    for (const other of ["DELETE", "PATCH", method === "GET" ? "POST" : "GET"]) {
      const reply = await ask(path, { method: other });
      expect([reply.status, reply.body.code, reply.headers.get("allow")]).toEqual([405, "method_not_allowed", allow]);
    }
  });

  it("answers HEAD as GET, without a body", async () => {
    const { ask } = shared();
    await ask("/operations", post);

    expect((await ask("/operations/op-1", { method: "HEAD" })).status).toBe(200);
    expect((await ask("/operations/op-2", { method: "HEAD" })).status).toBe(404);
  });

  it.each(["/", "/operation", "/operations/", "/operations/op-1/x", "/contracts", "/v1/operations"])(
    "has nothing at %s",
    async (path) => {
      const { ask } = shared();

      const reply = await ask(path);

      expect([reply.status, reply.body.code]).toEqual([404, "route_not_found"]);
    },
  );

  it("has no route for a part that it was not given", async () => {
    const { ask } = await setUpApi({ parts: {} });

    expect((await ask("/previews", post)).status).toBe(404);
    expect((await ask("/products/magazine", { method: "PUT", body: {} })).status).toBe(404);
  });

  it("is never kept by a cache", async () => {
    const { ask } = shared();

    for (const path of ["/operations/op-1", "/nowhere"]) {
      expect((await ask(path)).headers.get("cache-control")).toBe("no-store");
    }
  });
});

describe("bodies", () => {
  const shared = shareApi();

  it.each(withBody)("of %s %s must be declared as plain JSON", async (method, path) => {
    const { ask } = shared();
    const body = JSON.stringify(suspend);

    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""]) {
      const reply = await ask(path, { method, body, headers: { "content-type": type } });
      expect([type, reply.status, reply.body.code]).toEqual([type, 415, "unsupported_media_type"]);
    }
  });

  it("may say that they are UTF-8", async () => {
    const { ask } = shared();

    const headers = { "content-type": 'Application/JSON; charset="UTF-8"' };
    const body = { ...suspend, id: "declared" };
    expect((await ask("/operations", { method: "POST", body, headers })).status).toBe(201);
  });

  it("are not unpacked", async () => {
    const { url } = shared();

    const response = await fetch(`${url}/operations`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${operatorToken}`,
        "content-type": "application/json",
        "content-encoding": "gzip",
      },
      body: gzipSync(JSON.stringify(suspend)),
    });

    expect(response.status).toBe(415);
  });

  it.each([
    ["cut off", '{"id":"op-1"'],
    ["empty", ""],
    ["of JavaScript", "{id: 'op-1'}"],
    ["followed by more", `${JSON.stringify(suspend)} x`],
  ])("that are no JSON are refused, and not repeated: %s", async (_, body) => {
    const { ask } = shared();

    const reply = await ask("/operations", { method: "POST", body });

    expect([reply.status, reply.body.code]).toEqual([400, "invalid_json"]);
    expect(JSON.stringify(reply.body)).not.toContain("op-1");
  });

  it("that are no UTF-8 are refused", async () => {
    const { url } = shared();

    const response = await fetch(`${url}/operations`, {
      method: "POST",
      headers: { authorization: `Bearer ${operatorToken}`, "content-type": "application/json" },
      body: Buffer.from('{"id":"\xff\xfe"}', "latin1"),
    });

    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, "invalid_json"]);
  });

  it.each(withBody)("of 1 MB are 413 for %s %s, told by their length or not", async (method, path) => {
    const { ask, url } = shared();
    const megabyte = "x".repeat(1_000_000);

    const told = await ask(path, { method, body: JSON.stringify({ ...suspend, reason: megabyte }) });
    expect([told.status, told.body.code]).toEqual([413, "body_too_large"]);

    const untold = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${operatorToken}`, "content-type": "application/json" },
      body: new Blob([JSON.stringify({ ...suspend, reason: megabyte })]).stream(),
      duplex: "half",
    } as RequestInit);
    const text = await untold.text();
    expect(untold.status).toBe(413);
    const { status, headers } = untold;
    checkAgainstDocument(method, path, { status, headers, body: JSON.parse(text) as Record<string, unknown> }, text);
  });

  it("that never end are cut off", async () => {
    const { url } = shared();
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });

    const sending = fetch(`${url}/operations`, {
      method: "POST",
      headers: { authorization: `Bearer ${operatorToken}`, "content-type": "application/json" },
      body: endless,
      duplex: "half",
    } as RequestInit);

    // Whether the answer or the end of the connection is seen first is the client's luck.
    expect(await sending.then(({ status }) => status).catch(() => 413)).toBe(413);
  });

  it("may weigh 64 KiB, and not a byte more", async () => {
    const { ask } = shared();
    const padded = (bytes: number) => JSON.stringify({ ...suspend, id: "padded" }).padEnd(bytes, " ");

    expect((await ask("/operations", { method: "POST", body: padded(65_536) })).status).toBe(201);
    expect((await ask("/operations", { method: "POST", body: padded(65_537) })).status).toBe(413);
  });
});

describe("a connection", () => {
  /** A connection of the test's own, and everything that came back on it. */
  async function open(port: number): Promise<{ socket: Socket; said: () => string; closed: Promise<unknown> }> {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => undefined);
    let said = "";
    socket.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const closed = once(socket, "close");
    await once(socket, "connect");
    return { socket, said: () => said, closed };
  }

  const head = (length: number) =>
    `POST /operations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${operatorToken}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

  it("whose request does not arrive whole in time is ended with 408", async () => {
    const { server, ask, bench } = await setUpApi({ requestTimeoutMs: 500 });
    const { socket, said, closed } = await open(server.port);
    socket.write(`${head(100)}{"id":`);

    await closed;

    expect(said()).toMatch(/^HTTP\/1\.1 408 /);
    expect(await bench.sql`select id from keiyaku.operations`).toEqual([]);
    expect((await ask("/operations", post)).status).toBe(201);
  });

  it("whose headers do not arrive in time is ended too", async () => {
    const { server } = await setUpApi({ requestTimeoutMs: 500 });
    const { socket, said, closed } = await open(server.port);
    socket.write("POST /operations HTTP/1.1\r\nhost: x\r\n");

    await closed;

    expect(said()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("that breaks off in the middle of a body harms nobody", async () => {
    const { server, ask } = await setUpApi();
    for (let times = 0; times < 5; times += 1) {
      const { socket } = await open(server.port);
      socket.write(`${head(1_000)}{"id":`);
      socket.destroy();
    }

    expect((await ask("/operations", post)).status).toBe(201);
  });

  it("that is idle does not hold up the stop of the server", async () => {
    const { server, ask } = await setUpApi();
    const { closed } = await open(server.port);
    await ask("/operations", post);

    await Promise.all([server.stop(), server.stop(), closed]);

    await expect(ask("/operations", post)).rejects.toThrow("fetch failed");
  });
});

describe("when the database does not answer", () => {
  async function setUpBehindProxy() {
    const lines: string[] = [];
    const log = createLogger({ level: "debug", destination: { write: (line) => void lines.push(line) } });
    const target = await setUpApi();
    const address = addressOf(target.bench.url);
    const proxy = await startTcpProxy({ host: address.host, port: address.port });
    onTestFinished(() => proxy.stop());
    const db = new Database({
      address: { ...address, host: "127.0.0.1", port: proxy.port },
      poolSize: 2,
      applicationName: "keiyaku-test",
      deadlineMs: 1_000,
    });
    onTestFinished(() => db.close(0));
    const api = await setUpApi({ db, log });
    return { ...api, proxy, lines, bench: target.bench };
  }

  it.each(["refuse", "blackHole"] as const)(
    "every route is 503 with Retry-After, and works once it does: %s",
    async (mode) => {
      const { ask, proxy } = await setUpBehindProxy();
      await ask("/operations", post);
      await proxy.setMode(mode);
      proxy.cutAll();

      const asked = [
        ["/operations", { method: "POST", body: { ...suspend, id: "op-2" } }],
        ["/operations/op-1", {}],
        ["/operations/op-1?wait=5", {}],
        ["/contracts/c-1", {}],
      ] as const;
      for (const [path, options] of asked) {
        const reply = await ask(path, options);
        expect([path, reply.status, reply.body.code]).toEqual([path, 503, "unavailable"]);
        expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
      }

      await proxy.setMode("pass");
      const again = async () =>
        (await ask("/operations", { method: "POST", body: { ...suspend, id: "op-2" } })).status < 300;
      await eventually(again, { withinMs: 15_000, describe: "the API to work again" });
    },
  );

  it("the log says so without what was asked", async () => {
    const { ask, proxy, lines } = await setUpBehindProxy();
    await proxy.setMode("refuse");
    proxy.cutAll();

    const reply = await ask("/operations", { method: "POST", body: { ...suspend, reason: "山田 花子" } });

    const line = lines
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .find(({ requestId }) => requestId !== undefined);
    expect(line).toMatchObject({ level: "warn", requestId: reply.headers.get("x-request-id") });
    expect(lines.join()).not.toMatch(/山田|op-1|Bearer|alice/);
  });
});

describe("what nobody expected", () => {
  it("is 500 without a word of it, and is in the log under the answer's id", async () => {
    const lines: string[] = [];
    const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
    const preview = async () => {
      throw new Error("secret words");
    };
    const { ask } = await setUpApi({ log, parts: { preview } });

    const reply = await ask("/previews", post);

    expect([reply.status, reply.body.code]).toEqual([500, "internal_error"]);
    expect(JSON.stringify(reply.body)).not.toContain("secret words");
    expect(JSON.parse(lines[0] ?? "{}")).toMatchObject({ requestId: reply.headers.get("x-request-id") });
  });
});

describe("where it listens", () => {
  it("is refused in a sentence that names the port and its variable when somebody else does", async () => {
    const { server } = await setUpApi();

    await expect(setUpApi({ port: server.port })).rejects.toMatchObject({
      message: `Port ${server.port} of 127.0.0.1 is in use.`,
      remedy: "Set API_PORT to a free port, or end the program that listens there.",
    });
  });
});
