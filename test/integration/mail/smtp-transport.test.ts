import { createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Delivery, Mail } from "../../../src/mail/mail.ts";
import { prepareMail, type Sender } from "../../../src/mail/prepare-mail.ts";
import { createSmtpTransport, type SmtpTimeouts } from "../../../src/mail/smtp-transport.ts";
import { parseSmtpUrl } from "../../../src/smtp-url.ts";
import type { ClaimedNotification } from "../../../src/store/claim-notifications.ts";
import { findFreePort } from "../../support/free-port.ts";
import { type MailServer, startMailServer } from "../../support/mail-server.ts";
import { claimedMail, sender } from "../../support/mails.ts";
import { type Disturbance, startScriptedMailServer } from "../../support/scripted-mail-server.ts";

async function setUp(options: Parameters<typeof startMailServer>[0] = {}): Promise<MailServer> {
  const server = await startMailServer(options);
  onTestFinished(() => server.stop());
  return server;
}

function mailOf(overrides: Partial<ClaimedNotification> = {}, from: Sender = sender): Mail {
  const mail = prepareMail(claimedMail(overrides), from);
  if (typeof mail === "string") throw new Error(mail);
  return mail;
}

function send(url: string, mail = mailOf(), timeouts?: SmtpTimeouts): Promise<Delivery> {
  const parsed = parseSmtpUrl(url);
  if (parsed.type === "mistaken") throw new Error(parsed.mistake);
  return createSmtpTransport(parsed.options, timeouts).send(mail);
}

const toOperators = { recipient: "operators", customer: null } as const;
const patient = { connectMs: 5_000, silenceMs: 5_000, wholeMs: 10_000 };

describe("a mail over SMTP", () => {
  it("arrives as it was written: Japanese in the name, the subject, the text and the HTML", async () => {
    const server = await setUp();
    const mail = mailOf();

    expect(await send(server.url, mail)).toEqual({ type: "sent" });

    const [received] = await server.untilReceived(1);
    expect(received?.subject).toBe("【重要】お支払いを完了できませんでした（ご契約 c-1）");
    expect(received?.text).toBe(mail.text);
    expect(received?.html).toBe(mail.html);
    expect(received?.text).toContain("山田 花子 様");
    expect(received?.text).toContain("1,980円");
    // 15:30 in UTC is past midnight in Japan.
    expect(received?.text).toContain("2025年1月11日");
    expect(received?.from?.value).toEqual([{ name: "契約システム", address: "keiyaku@example.com" }]);
    expect(received?.to).toMatchObject({ value: [{ name: "山田 花子", address: "hanako@example.com" }] });
    expect(received?.messageId).toBe("<keiyaku.7.20250108000000000@example.com>");
    expect(received?.headers.get("auto-submitted")).toBe("auto-generated");
  });

  it("arrives in the customer's language", async () => {
    const server = await setUp();
    await send(server.url, mailOf({ customer: { name: "Hanako", email: "hanako@example.com", locale: "en" } }));

    const [received] = await server.untilReceived(1);
    expect(received?.subject).toBe("Your payment did not go through (contract c-1)");
    expect(received?.text).toContain("Attempt: number 2");
    expect(received?.text).toContain("January 11, 2025");
    expect(received?.text).toContain("¥1,980");
  });

  it("goes to the operator of its address alone, under their name", async () => {
    const server = await setUp();
    await send(server.url, mailOf({ ...toOperators, address: "support@example.com" }));

    const [received] = await server.untilReceived(1);
    expect(received?.handedInTo).toEqual(["support@example.com"]);
    expect(received?.to).toMatchObject({ value: [{ name: "Support", address: "support@example.com" }] });
    expect(server.received).toHaveLength(1);
  });

  it("takes a name that would break a header for what it is: a name", async () => {
    const server = await setUp();
    const name = 'Mallory"\r\nBcc: eve@example.com\r\n\r\n<b>';
    await send(server.url, mailOf({ customer: { name, email: "m@example.com", locale: "en" } }));

    const [received] = await server.untilReceived(1);
    expect(received?.handedInTo).toEqual(["m@example.com"]);
    expect(received?.bcc).toBeUndefined();
    expect(received?.html).not.toContain("<b>");
  });

  it("logs in where the URL says as whom", async () => {
    const login = { user: "keiyaku", password: "geheim" };
    const server = await setUp({ login });
    expect(await send(server.url)).toEqual({ type: "sent" });
  });
});

const cut = { type: "later", problem: "ECONNECTION", isCommon: true } as const;
const later = (problem: string, isCommon: boolean) => ({ type: "later", problem, isCommon }) as const;

describe.each([{ pipelining: false }, { pipelining: true }])("a talk that ends early, %o", (options) => {
  it.each<[Disturbance, Delivery, accepted: number]>([
    // The message was not begun: nobody has it.
    [{ at: "MAIL" }, cut, 0],
    [{ at: "RCPT" }, cut, 0],
    [{ at: "DATA" }, cut, 0],
    // A sender that is refused is ours, in every mail.
    [{ at: "MAIL", say: "550 5.7.1 who are you\r\n", stays: true }, later("550 5.7.1 MAIL FROM", true), 0],
    [{ at: "MAIL", say: "451 4.3.0 not now\r\n", stays: true }, later("451 4.3.0 MAIL FROM", true), 0],
    // 421: the server goes, whatever it was asked.
    [{ at: "MAIL", say: "421 4.3.2 closing\r\n" }, later("421 4.3.2 MAIL FROM", true), 0],
    [{ at: "DATA", say: "421 4.3.2 closing\r\n", stays: true }, later("421 4.3.2 DATA", true), 0],
    [{ at: "message", say: "421 4.3.2 closing\r\n" }, later("421 4.3.2 DATA", true), 0],
    // It said no, and only then went.
    [{ at: "message", say: "451 4.3.0 disk full\r\n" }, later("451 4.3.0 DATA", false), 0],
    [{ at: "message", say: "554 5.6.0 no\r\n" }, { type: "refused", problem: "554 5.6.0 DATA" }, 0],
    // It said yes, and only then went, at once or with a word.
    [{ at: "message", say: "250 kept\r\n" }, { type: "sent" }, 1],
    [{ at: "message", say: "250 kept\r\n421 closing\r\n" }, { type: "sent" }, 1],
    // It had the message, and its answer did not arrive, or not whole.
    [{ at: "message" }, { type: "unknown", problem: "ECONNECTION" }, 0],
    [{ at: "message", say: "250 kep" }, { type: "unknown", problem: "ECONNECTION" }, 1],
    [{ at: "message", say: "25" }, { type: "unknown", problem: "ECONNECTION" }, 0],
  ])("%j is %j", async (disturbance, delivery, accepted) => {
    const server = await startScriptedMailServer(disturbance, options);
    expect(await send(server.url, mailOf(toOperators), patient)).toEqual(delivery);
    expect(server).toMatchObject({ accepted, talks: 1 });
  });

  it("is of no mail more than one, also when it goes well", async () => {
    const server = await startScriptedMailServer(null, options);
    expect(await send(server.url)).toEqual({ type: "sent" });
    expect(server).toMatchObject({ accepted: 1, talks: 1 });
  });
});

describe("a mail that the server does not take", () => {
  it.each([
    [
      { at: "address", code: 450 },
      { type: "later", problem: "450 RCPT TO", isCommon: false },
    ],
    [
      { at: "message", code: 451 },
      { type: "later", problem: "451 DATA", isCommon: false },
    ],
    [
      { at: "address", code: 550 },
      { type: "refused", problem: "550 RCPT TO" },
    ],
    [
      { at: "message", code: 554 },
      { type: "refused", problem: "554 DATA" },
    ],
    [
      { at: "address", code: 530 },
      { type: "later", problem: "530 RCPT TO", isCommon: true },
    ],
  ] as const)("after %o is %o", async (treatment, delivery) => {
    const server = await setUp();
    server.treat(treatment);
    expect(await send(server.url)).toEqual(delivery);
    expect(server.received).toEqual([]);
  });

  it("for want of the right login waits: every other mail would be turned away too", async () => {
    const server = await setUp({ login: { user: "keiyaku", password: "geheim" } });
    const url = server.url.replace("geheim", "falsch");
    expect(await send(url)).toMatchObject({ type: "later", isCommon: true, problem: expect.stringMatching(/^535/) });
  });

  it("is unknown when the connection ends after the message, and later when it ends before", async () => {
    const server = await setUp();
    server.treat("cut");
    expect(await send(server.url)).toMatchObject({ type: "unknown" });
    expect(server.received).toHaveLength(1);

    const rude = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => void rude.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void rude.close());
    const { port } = rude.address() as { port: number };
    expect(await send(`smtp://127.0.0.1:${port}`)).toMatchObject({ type: "later", isCommon: true });
  });

  it("is unknown when the server has the message and says nothing", async () => {
    const server = await setUp();
    server.treat("hang");
    expect(await send(server.url, mailOf(), { ...patient, silenceMs: 200 })).toMatchObject({ type: "unknown" });
    server.treat("hang");
    expect(await send(server.url, mailOf(), { ...patient, wholeMs: 500 })).toEqual({
      type: "unknown",
      problem: "ETIMEDOUT",
    });
  });

  it("waits while there is no server, and where one never greets", async () => {
    const nowhere = await findFreePort();
    expect(await send(`smtp://127.0.0.1:${nowhere}`)).toEqual({
      type: "later",
      problem: "ECONNREFUSED",
      isCommon: true,
    });
    const mute = createServer();
    await new Promise<void>((resolve) => void mute.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void mute.close());
    const { port } = mute.address() as { port: number };
    expect(await send(`smtp://127.0.0.1:${port}`, mailOf(), { ...patient, connectMs: 200 })).toMatchObject({
      type: "later",
      isCommon: true,
    });
  });

  it("does not go out readably where a password demands TLS and the server has none", async () => {
    const server = await setUp();
    const parsed = parseSmtpUrl("smtp://keiyaku:geheim@mail.example.com");
    if (parsed.type === "mistaken") throw new Error(parsed.mistake);
    const options = { ...parsed.options, host: "127.0.0.1", port: server.port };
    expect(await createSmtpTransport(options).send(mailOf())).toMatchObject({ type: "later", isCommon: true });
    expect(server.received).toEqual([]);
  });

  it.each([
    ["not an address", "501 RCPT TO"],
    ["ha<na>ko@example.com", "address_unusable"],
  ])("has an address that nobody understands, %s, and is refused: %s", async (email, problem) => {
    const server = await setUp();
    const customer = { name: "x", email, locale: "ja" } as const;
    expect(await send(server.url, mailOf({ customer }))).toEqual({ type: "refused", problem });
    expect(server.received).toEqual([]);
  });
});
