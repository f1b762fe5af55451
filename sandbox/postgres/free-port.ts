import { createServer } from "node:net";

/**
 * Gives a TCP port of the loopback address on which nobody listens now.
 *
 * It is not reserved: somebody else may take it before its user does, so a start on it must be ready to try another.
 */
export async function findFreePort(): Promise<number> {
  const port = await listenBriefly(0);
  if (port === undefined) throw new Error("The system gave no free port on 127.0.0.1.");
  return port;
}

/** Tells whether this port of the loopback address can be listened on now, with the same reserve. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await listenBriefly(port)) !== undefined;
}

function listenBriefly(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined));
    });
  });
}
