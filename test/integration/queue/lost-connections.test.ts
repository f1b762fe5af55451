import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { createGuardedPostgresBackend } from "../../../src/queue/guarded-postgres.ts";
import { openQueue } from "../../../src/queue/queue-backend.ts";
import { eventually } from "../../support/eventually.ts";
import { addressOf } from "../../support/test-database.ts";

/*
 * The driver of the queue on PostgreSQL, before a server that speaks just enough to lose a connection at a given moment.
 */

/** AuthenticationOk and ReadyForQuery. */
const welcome = Buffer.from("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");

/** What a backend says when it is told to end. */
const farewell = (() => {
  const fields = Buffer.from("SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0");
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
})();

/** Starts a server that welcomes everybody and leaves to the test what it does with the next that a client says. */
async function startServer(welcomeWith: Buffer, hears: (socket: Socket, said: Buffer) => void) {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(welcomeWith);
      socket.on("data", (said) => hears(socket, said));
      socket.on("end", () => socket.end());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `postgres://keiyaku@127.0.0.1:${port}/keiyaku?sslmode=disable`, sockets };
}

/** What would end this process from here to the end of the test. */
function uncaughtErrors(): readonly unknown[] {
  const uncaught: unknown[] = [];
  const collect = (error: unknown) => void uncaught.push(error);
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    const usual = process.listeners(event as "uncaughtException");
    process.removeAllListeners(event);
    process.on(event, collect);
    onTestFinished(() => {
      process.removeAllListeners(event);
      for (const listener of usual) process.on(event, listener);
    });
  }
  return uncaught;
}

async function untilAllClosed(sockets: ReadonlySet<Socket>): Promise<void> {
  const areClosed = () => sockets.size > 0 && [...sockets].every((socket) => socket.closed);
  await eventually(areClosed, { withinMs: 5_000, describe: "the connections to end" });
}

function backendAt(url: string) {
  const backend = createGuardedPostgresBackend("operations", { connection: { connectionString: url } });
  // As the queues and workers above it do.
  backend.on("error", () => undefined);
  onTestFinished(() => backend.close());
  return backend;
}

it("a connection that is cut while it is made ready spoils the opening of the queue, and nothing else", async () => {
  const uncaught = uncaughtErrors();
  const { url, sockets } = await startServer(welcome, (socket) => void socket.resetAndDestroy());

  const opening = openQueue({ type: "postgres", address: addressOf(url) }, "operations", 5_000);

  await expect(opening).rejects.toThrow(/ECONNRESET|terminated/);
  await untilAllClosed(sockets);
  expect(uncaught).toEqual([]);
});

it("a listening client that is told to end as soon as it is connected ends no process", async () => {
  const uncaught = uncaughtErrors();
  const { url, sockets } = await startServer(Buffer.concat([welcome, farewell]), (socket) => void socket.end());
  const { connection } = backendAt(url);

  const client = await connection.getListenClient();
  const listening = client.query("listen jobs");

  await expect(listening).rejects.toThrow("not queryable");
  for (const socket of sockets) socket.end();
  await untilAllClosed(sockets);
  expect(uncaught).toEqual([]);
});

it("a listening client that is told to end while it says goodbye ends no process", async () => {
  const uncaught = uncaughtErrors();
  const { url, sockets } = await startServer(welcome, (socket, said) => {
    // The client's Terminate.
    if (said[0] === 0x58) socket.end(farewell);
  });
  const backend = backendAt(url);
  await backend.connection.getListenClient();

  await backend.close();

  await untilAllClosed(sockets);
  expect(uncaught).toEqual([]);
});
