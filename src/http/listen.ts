import type { Server } from "node:http";

export interface Listening {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How the settings of host and port begin: `HTTP` for HTTP_HOST and HTTP_PORT. */
  readonly settings: "HTTP" | "API";
}

/** Has a server listen and returns its port. Rejects with a sentence that names the port and its setting when it cannot. */
export async function listen(server: Server, { host, port, settings }: Listening): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const sentence =
        error.code === "EADDRINUSE"
          ? `Port ${port} of ${host} is in use. Set ${settings}_PORT to a free port, or end the program that listens there.`
          : `Cannot listen on port ${port} of ${host} (${error.code ?? error.name}). Check ${settings}_HOST and ${settings}_PORT.`;
      reject(new Error(sentence, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
