import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A way to a server that can be lost, and that counts who knocks. */
export interface ForgetfulProxy {
  readonly port: number;
  /** How many connections were asked for so far. */
  count(): number;
  /** The present connections stay open and nothing comes through any more, as behind a router that was replaced. */
  forgetConnections(): void;
  /** The present connections end, and so does each new one. */
  hangUp(): void;
}

/** Starts one on 127.0.0.1; it ends with the test. Unlike a black hole of the TCP proxy, what is forgotten stays so. */
export async function startForgetfulProxy(target: { host: string; port: number }): Promise<ForgetfulProxy> {
  const sockets = new Set<Socket>();
  let count = 0;
  let isUp = true;
  const server = createServer((client) => {
    count += 1;
    if (!isUp) return client.destroy();
    const upstream = connect(target.port, target.host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
    return client;
  });
  return {
    port: await listen(server, sockets),
    count: () => count,
    forgetConnections() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    hangUp() {
      isUp = false;
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listen(server: ReturnType<typeof createServer>, sockets: ReadonlySet<Socket>): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server got no port.");
  return address.port;
}
