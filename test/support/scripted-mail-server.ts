import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** Where a talk over SMTP stands: a command, or the end of the message. */
export type Stage = "MAIL" | "RCPT" | "DATA" | "message";

/** What the server does instead of agreeing: it sends these bytes, if any, and then, unless it is to stay, cuts the connection. */
export interface Disturbance {
  readonly at: Stage;
  readonly say?: string;
  readonly stays?: true;
}

/**
 * Starts a mail server that speaks byte by byte what a test wants it to, as real ones do when they are restarted or when something
 * between cuts them off. `accepted` counts the messages that it has agreed to keep.
 */
export async function startScriptedMailServer(
  disturbance: Disturbance | null,
  options: { readonly pipelining?: boolean } = {},
) {
  const server = { url: "", accepted: 0, talks: 0 };
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    server.talks += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    const reached = new Set<Stage>();
    /** Whether the script takes over at this stage. */
    const isDisturbed = (stage: Stage) => {
      const isFirst = !reached.has(stage);
      reached.add(stage);
      if (disturbance?.at !== stage || !isFirst) return false;
      const { say = "", stays } = disturbance;
      if (say.startsWith("250")) server.accepted += 1;
      hasSender = stage !== "MAIL";
      if (stays === true) socket.write(say);
      // Ended and not destroyed where something was said, so that it arrives.
      else if (say === "") socket.destroy();
      else socket.end(say);
      return true;
    };
    let rest = "";
    let isMessage = false;
    let hasSender = true;
    socket.write("220 mail.example.com\r\n");
    socket.on("data", (chunk) => {
      rest += chunk.toString("latin1");
      for (;;) {
        const end = isMessage ? rest.indexOf("\r\n.\r\n") : rest.indexOf("\r\n");
        if (end < 0 || socket.destroyed || socket.writableEnded) return;
        const line = rest.slice(0, end);
        rest = rest.slice(end + (isMessage ? 5 : 2));
        if (isMessage) {
          isMessage = false;
          if (isDisturbed("message")) continue;
          server.accepted += 1;
          socket.write("250 kept\r\n");
          continue;
        }
        const [command = ""] = line.toUpperCase().split(/[ :]/, 1);
        if (command === "EHLO") {
          socket.write(options.pipelining === true ? "250-hello\r\n250 PIPELINING\r\n" : "250 hello\r\n");
        } else if (command === "MAIL" || command === "RCPT" || command === "DATA") {
          if (isDisturbed(command)) continue;
          if (!hasSender) {
            socket.write("503 who are you\r\n");
            continue;
          }
          isMessage = command === "DATA";
          socket.write(isMessage ? "354 go on\r\n" : "250 yes\r\n");
        } else if (command === "QUIT") socket.end("221 bye\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => void listener.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  server.url = `smtp://127.0.0.1:${(listener.address() as { port: number }).port}`;
  return server;
}
