import type { Server } from "node:http";

export interface Listening {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How the settings of host and port begin: `HTTP` for HTTP_HOST and HTTP_PORT. */
  readonly settings: "HTTP" | "API" | "RELAY";
}

/** A server cannot listen where its settings say. The message says which, and what is wrong. */
export class CannotListen extends Error {
  override readonly name = "CannotListen";
  /** Whether somebody listens there already. */
  readonly portInUse: boolean;
  /** What to do about it, as a whole sentence. */
  readonly remedy: string;

  constructor({ host, port, settings }: Listening, cause: NodeJS.ErrnoException) {
    const portInUse = cause.code === "EADDRINUSE";
    super(
      portInUse
        ? `Port ${port} of ${host} is in use.`
        : `Cannot listen on port ${port} of ${host} (${cause.code ?? cause.name}).`,
      { cause },
    );
    this.portInUse = portInUse;
    this.remedy = portInUse
      ? `Set ${settings}_PORT to a free port, or end the program that listens there.`
      : `Check ${settings}_HOST and ${settings}_PORT.`;
  }
}

/** Has a server listen and returns its port. Rejects with {@link CannotListen} when it cannot. */
export async function listen(server: Server, listening: Listening): Promise<number> {
  const { host, port } = listening;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new CannotListen(listening, error)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
