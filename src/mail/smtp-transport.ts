import { Readable } from "node:stream";
import SMTPConnection, { type SentMessageInfo, type SMTPError } from "nodemailer/lib/smtp-connection";
import type { SmtpOptions } from "../smtp-url.ts";
import { compose } from "./compose.ts";
import { type Delivery, type Mail, type MailTransport, sentWithinMs } from "./mail.ts";

/** How long each part may take. A mail server that checks what it is given may think for a minute before it accepts. */
export interface SmtpTimeouts {
  readonly connectMs: number;
  readonly silenceMs: number;
  readonly wholeMs: number;
}

const timeoutsByDefault: SmtpTimeouts = { connectMs: 10_000, silenceMs: 120_000, wholeMs: sentWithinMs };

/**
 * Sends each mail over a connection of its own: mails are few, and a connection that is kept may be gone without a word just
 * when a mail is handed over, which would then be `unknown` for nothing.
 */
export function createSmtpTransport(options: SmtpOptions, timeouts: SmtpTimeouts = timeoutsByDefault): MailTransport {
  return {
    async send(mail) {
      const content = await compose(mail);
      return new Conversation(options, timeouts).send(mail, content);
    },
  };
}

/** One mail's talk with the server, which ends in exactly one {@link Delivery}. */
class Conversation {
  readonly #connection: SMTPConnection;
  readonly #login: SmtpOptions["login"];
  readonly #wholeMs: number;
  /** Whether the server has agreed to take the message: from then on silence no longer means "not sent". */
  #isHandingOver = false;

  constructor({ host, port, login, tls }: SmtpOptions, { connectMs, silenceMs, wholeMs }: SmtpTimeouts) {
    this.#login = login;
    this.#wholeMs = wholeMs;
    this.#connection = new SMTPConnection({
      host,
      port,
      secure: tls === "always",
      requireTLS: tls === "required",
      ignoreTLS: tls === "off",
      connectionTimeout: connectMs,
      dnsTimeout: connectMs,
      greetingTimeout: connectMs,
      socketTimeout: silenceMs,
    });
  }

  async send(mail: Mail, content: Buffer): Promise<Delivery> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Delivery>((resolve) => {
        const fail = (error: Partial<SMTPError>) => resolve(failed(error, this.#isHandingOver));
        timer = setTimeout(() => fail({ code: "ETIMEDOUT" }), this.#wholeMs);
        // What goes wrong with the connection is told here, whatever is being waited for.
        this.#connection.on("error", fail);
        this.#talk(mail, content).then(resolve, fail);
      });
    } finally {
      clearTimeout(timer);
      this.#connection.close();
    }
  }

  async #talk({ from, to }: Mail, content: Buffer): Promise<Delivery> {
    const connection = this.#connection;
    await called((done) => connection.connect(done));
    if (this.#login !== null) {
      const { user, password } = this.#login;
      await called((done) => connection.login({ credentials: { user, pass: password.reveal() } }, done));
    }
    const envelope = { from: from.address, to: [to.address], size: content.length };
    await called<SentMessageInfo>((done) => connection.send(envelope, this.#handOver(content), done));
    connection.quit();
    return { type: "sent" };
  }

  /** The message as a stream: it is read from only once the server has agreed to take it, and that is what we want to know. */
  #handOver(content: Buffer): Readable {
    const begin = () => {
      this.#isHandingOver = true;
    };
    return new Readable({
      read() {
        begin();
        this.push(content);
        this.push(null);
      },
    });
  }
}

type Done<T> = (error?: SMTPError | null, value?: T) => void;

function called<T>(call: (done: Done<T>) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)));
  });
}

/** The commands whose answers are about this mail: to whom it goes, and what it says. */
const commandsAboutTheMail = ["RCPT TO", "DATA"];

/** Answers to those commands which are about the server or us all the same: "I am closing", "log in first". */
const aboutTheServer = [421, 530, 535];

/** What a failure means. An answer of the server's says that it has not taken the mail; without one, the moment decides. */
function failed(error: Partial<SMTPError>, isHandingOver: boolean): Delivery {
  const { responseCode = 0, command = "", code } = error;
  const problem = problemOf(error);
  if (responseCode >= 400) {
    const isAboutTheMail = commandsAboutTheMail.includes(command) && !aboutTheServer.includes(responseCode);
    if (isAboutTheMail && responseCode >= 500) return { type: "refused", problem };
    return { type: "later", problem, isCommon: !isAboutTheMail };
  }
  if (isHandingOver) return { type: "unknown", problem };
  // Found by the library itself before anything was sent.
  if (code === "EENVELOPE") return { type: "refused", problem: "address_unusable" };
  if (code === "EMESSAGE") return { type: "refused", problem: "too_large" };
  return { type: "later", problem, isCommon: true };
}

/** The codes of a failure, such as `550 5.1.1 RCPT TO` or `ECONNREFUSED`. The server's words may quote an address, and stay out. */
function problemOf({ responseCode, response, command, code, originalCode }: Partial<SMTPError>): string {
  if (responseCode === undefined) return String(originalCode ?? code ?? "unexpected");
  const [enhanced] = /(?<=^\d{3}[ -])\d\.\d{1,3}\.\d{1,3}/.exec(response ?? "") ?? [];
  return [String(responseCode), enhanced, command].filter((part) => part !== undefined).join(" ");
}
