import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

/** A server that answers each message with `answer to …`, behind a proxy, and clients that keep what they hear. */
async function setup() {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      heard.push(chunk.toString());
      socket.write(`answer to ${chunk.toString()}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const proxy = await startTcpProxy({ host: "127.0.0.1", port: address.port });
  onTestFinished(async () => {
    await proxy.stop();
    await new Promise((resolve) => server.close(resolve));
  });
  return { proxy, heard, openClient: () => openClient(proxy.port) };
}

interface Client {
  socket: Socket;
  answers: () => string;
  isClosed: () => boolean;
}

async function openClient(port: number): Promise<Client> {
  const socket = connect(port, "127.0.0.1");
  let answers = "";
  let isClosed = false;
  socket.on("data", (chunk) => {
    answers += chunk.toString();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    isClosed = true;
  });
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return { socket, answers: () => answers, isClosed: () => isClosed };
}

const soon = { withinMs: 5_000 };

describe("startTcpProxy", () => {
  it("passes both ways, and an end too", async () => {
    const { openClient } = await setup();
    const client = await openClient();
    client.socket.end("hello");

    await eventually(() => client.isClosed(), soon);
    expect(client.answers()).toBe("answer to hello");
  });

  it("keeps connections open as a black hole, forwards nothing, and lets what was held flow on afterwards", async () => {
    const { proxy, heard, openClient } = await setup();
    const client = await openClient();
    client.socket.write("one");
    await eventually(() => client.answers() === "answer to one", soon);
    await proxy.setMode("blackHole");
    const late = await openClient();
    client.socket.write("two");
    late.socket.write("three");
    // Another connection's way round is what shows that time enough has passed for the held ones.
    const aside = await setup();
    const witness = await aside.openClient();
    witness.socket.write("witness");
    await eventually(() => witness.answers() !== "", soon);

    expect(heard).toEqual(["one"]);
    expect([client.isClosed(), late.isClosed()]).toEqual([false, false]);
    await proxy.setMode("pass");
    await eventually(() => client.answers() === "answer to oneanswer to two", soon);
    await eventually(() => late.answers() === "answer to three", soon);
  });

  it("refuses new connections, leaves present ones, and listens on the same port afterwards", async () => {
    const { proxy, openClient } = await setup();
    const present = await openClient();
    await proxy.setMode("refuse");

    await expect(openClient()).rejects.toThrow("ECONNREFUSED");
    present.socket.write("still");
    await eventually(() => present.answers() === "answer to still", soon);
    const { port } = proxy;
    await proxy.setMode("pass");
    expect(proxy.port).toBe(port);
    const next = await openClient();
    next.socket.write("again");
    await eventually(() => next.answers() === "answer to again", soon);
  });

  it("cuts before the server hears the next message, once", async () => {
    const { proxy, heard, openClient } = await setup();
    const client = await openClient();
    const other = await openClient();
    await proxy.setMode("cutBefore");
    client.socket.write("lost");
    await eventually(() => client.isClosed(), soon);
    other.socket.write("heard");
    await eventually(() => other.answers() === "answer to heard", soon);

    expect(heard).toEqual(["heard"]);
    expect(client.answers()).toBe("");
    expect(proxy.mode).toBe("pass");
  });

  it("cuts after the server heard the next message and before the client hears the answer, once", async () => {
    const { proxy, heard, openClient } = await setup();
    const client = await openClient();
    await proxy.setMode("cutAfterForward");
    client.socket.write("heard");
    await eventually(() => client.isClosed(), soon);
    await eventually(() => heard.length > 0, soon);

    expect(heard).toEqual(["heard"]);
    expect(client.answers()).toBe("");
    const next = await openClient();
    next.socket.write("again");
    await eventually(() => next.answers() === "answer to again", soon);
  });

  it("cuts every present connection at once and takes new ones", async () => {
    const { proxy, openClient } = await setup();
    const clients = [await openClient(), await openClient()];
    proxy.cutAll();

    await eventually(() => clients.every((client) => client.isClosed()), soon);
    const next = await openClient();
    next.socket.write("again");
    await eventually(() => next.answers() === "answer to again", soon);
  });

  it("ends every connection at its stop", async () => {
    const { proxy, openClient } = await setup();
    const client = await openClient();
    await proxy.setMode("blackHole");
    await proxy.stop();

    await eventually(() => client.isClosed(), soon);
    await expect(openClient()).rejects.toThrow("ECONNREFUSED");
  });
});
