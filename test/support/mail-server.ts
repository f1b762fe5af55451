import type { AddressInfo } from "node:net";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import { eventually } from "./eventually.ts";

/**
 * How the server deals with a mail:
 *
 * - `accept` keeps it.
 * - a number answers with that code, `at` the recipient's address or the message.
 * - `cut` ends the connection once it has the whole message, before it answers; it has kept the message.
 * - `hang` keeps the message, and never answers.
 */
export type Treatment = "accept" | "cut" | "hang" | { readonly at: "address" | "message"; readonly code: number };

/** A mail that the server has kept, as a mail program shows it, with the addresses to which it was handed in. */
export interface ReceivedMail extends ParsedMail {
  readonly handedInTo: readonly string[];
}

export interface MailServer {
  readonly port: number;
  /** As SMTP_URL takes it. */
  readonly url: string;
  readonly received: readonly ReceivedMail[];
  /** Resolves with the mails once there are so many. */
  untilReceived(count: number, withinMs?: number): Promise<readonly ReceivedMail[]>;
  /** Resolves once so many messages were handed over, whatever was said to them. */
  untilHeard(count: number): Promise<void>;
  /** How the next mails are dealt with, in this order; those after them are accepted. */
  treat(...treatments: readonly Treatment[]): void;
  /** How this address is dealt with whenever it comes; 0 serves it again. */
  refuse(address: string, code: number): void;
  stop(): Promise<void>;
}

function failure(code: number): Error {
  return Object.assign(new Error("<hanako@example.com> is not served"), { responseCode: code });
}

/** Starts a real SMTP server on 127.0.0.1. With a login it lets nobody in without. */
export async function startMailServer(
  options: { readonly port?: number; readonly login?: { readonly user: string; readonly password: string } } = {},
): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  const refused = new Map<string, number>();
  const coming: Treatment[] = [];
  let heard = 0;
  const { login } = options;

  /** Deals with a message that is read to its end. */
  async function deal(content: Buffer, session: SMTPServerSession, answer: (error?: Error | null) => void) {
    const treatment = coming.shift() ?? "accept";
    heard += 1;
    if (typeof treatment === "object") return answer(failure(treatment.code));
    const handedInTo = session.envelope.rcptTo.map(({ address }) => address);
    received.push({ ...(await simpleParser(content)), handedInTo });
    if (treatment === "accept") answer();
    if (treatment === "cut") for (const { _socket: socket } of connectionsOf(server)) socket.destroy();
  }
  const server = new SMTPServer({
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disabledCommands: login === undefined ? ["STARTTLS", "AUTH"] : ["STARTTLS"],
    closeTimeout: 100,
    onAuth: ({ username, password }, _session, callback) =>
      username === login?.user && password === login?.password
        ? callback(null, { user: username })
        : callback(failure(535)),
    onRcptTo({ address }, _session, callback) {
      const [next] = coming;
      const code = refused.get(address);
      if (code !== undefined && code !== 0) return callback(failure(code));
      if (typeof next !== "object" || next.at !== "address") return callback();
      coming.shift();
      heard += 1;
      return callback(failure(next.code));
    },
    onData(stream: SMTPServerDataStream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => void deal(Buffer.concat(chunks), session, callback));
    },
  });
  // Connections that are cut, or that the other side leaves, are part of the tests.
  server.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.server.address() as AddressInfo;
  const password = login === undefined ? "" : `${login.user}:${login.password}@`;
  return {
    port,
    url: `smtp://${password}127.0.0.1:${port}`,
    received,
    async untilReceived(count, withinMs = 10_000) {
      await eventually(() => received.length >= count, { withinMs, describe: `${count} mails` });
      return received;
    },
    async untilHeard(count) {
      await eventually(() => heard >= count, { withinMs: 10_000, describe: `${count} messages` });
    },
    treat: (...treatments) => void coming.push(...treatments),
    refuse: (address, code) => void refused.set(address, code),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** The connections that are open; the server gives no other way to cut one. */
function connectionsOf(server: SMTPServer): Iterable<{ readonly _socket: { destroy(): void } }> {
  return server.connections as unknown as Iterable<{ readonly _socket: { destroy(): void } }>;
}
