import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/**
 * - `pass` forwards both ways.
 * - `blackHole` keeps every connection open and forwards nothing; what was held back flows on when the mode is left, as it does
 *   after a network's outage.
 * - `refuse` refuses new connections and leaves present ones alone.
 * - `cutBefore` cuts the connection on which the client speaks next, before the server hears it.
 * - `cutAfterForward` cuts it after the server heard it and before the client hears an answer.
 *
 * A cut happens once: the mode is `pass` again after it, so that the client can come back.
 */
type TcpProxyMode = "pass" | "blackHole" | "refuse" | "cutBefore" | "cutAfterForward";

export interface TcpProxy {
  /** On 127.0.0.1; the same for the proxy's whole life. */
  readonly port: number;
  readonly mode: TcpProxyMode;
  /** Resolves when the mode is in force, for present connections too. */
  setMode(mode: TcpProxyMode): Promise<void>;
  /** Destroys every present connection, at both ends. */
  cutAll(): void;
  stop(): Promise<void>;
}

interface Pair {
  client: Socket;
  upstream: Socket;
}

/** Starts a proxy on 127.0.0.1 before the target, for tests of what a network does. It speaks no protocol and counts no messages. */
export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let mode: TcpProxyMode = "pass";

  const cut = (pair: Pair) => {
    pair.client.destroy();
    pair.upstream.destroy();
  };
  const cutAfterForward = ({ client, upstream }: Pair, chunk: Buffer) => {
    client.destroy();
    // Ended rather than destroyed: a reset could overtake the chunk, and the server is to have heard it.
    upstream.end(chunk);
    upstream.resume();
  };
  const clientSpeaks = (pair: Pair, chunk: Buffer) => {
    if (mode === "cutBefore" || mode === "cutAfterForward") {
      const present = mode;
      mode = "pass";
      if (present === "cutBefore") cut(pair);
      else cutAfterForward(pair, chunk);
    } else if (!pair.upstream.write(chunk)) {
      pair.client.pause();
    }
  };
  const accept = (client: Socket) => {
    const upstream = connect({ host: target.host, port: target.port, allowHalfOpen: true });
    const pair: Pair = { client, upstream };
    pairs.add(pair);
    client.on("data", (chunk) => clientSpeaks(pair, chunk));
    upstream.on("data", (chunk) => {
      if (!client.destroyed && !client.write(chunk)) upstream.pause();
    });
    client.on("drain", () => flow(upstream));
    upstream.on("drain", () => flow(client));
    client.on("end", () => upstream.end());
    upstream.on("end", () => client.end());
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on("error", () => cut(pair));
      socket.on("close", () => {
        if (client.destroyed && upstream.destroyed) pairs.delete(pair);
      });
      if (mode === "blackHole") socket.pause();
    }
  };
  const flow = (socket: Socket) => {
    if (mode !== "blackHole") socket.resume();
  };

  let server = await listen(accept, 0);
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The proxy got no port.");
  const { port } = address;

  return {
    port,
    get mode() {
      return mode;
    },
    async setMode(next) {
      const last = mode;
      mode = next;
      for (const { client, upstream } of pairs) {
        for (const socket of [client, upstream]) {
          if (next === "blackHole") socket.pause();
          else socket.resume();
        }
      }
      if (next === "refuse" && last !== "refuse") stopListening(server);
      if (next !== "refuse" && last === "refuse") server = await listen(accept, port);
    },
    cutAll() {
      for (const pair of pairs) cut(pair);
    },
    async stop() {
      for (const pair of pairs) cut(pair);
      if (!server.listening) return;
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The port is free from the moment of the call; the present connections go on. */
function stopListening(server: Server): void {
  server.close();
}

/** A port given up for a moment may be an outgoing connection's of somebody else for another moment. */
const LISTEN_TRIES = 100;

async function listen(accept: (client: Socket) => void, port: number): Promise<Server> {
  for (let tries = 1; ; tries += 1) {
    const server = createServer({ allowHalfOpen: true }, accept);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", resolve);
      });
      return server;
    } catch (error) {
      if (port === 0 || tries === LISTEN_TRIES) throw error;
      await pause(20);
    }
  }
}
