import type { Config } from "../src/config.ts";
import { createFolderTransport } from "../src/mail/folder-transport.ts";
import type { MailTransport } from "../src/mail/mail.ts";
import { createSmtpTransport } from "../src/mail/smtp-transport.ts";
import { within } from "../src/queue/enqueue.ts";
import { Database } from "../src/store/database.ts";
import { notificationChannel } from "../src/store/notification-parts.ts";
import { mailsAtOnce, startSending } from "./notifications.ts";
import type { Role } from "./role.ts";

/** Sends the mail of the outbox. It needs the database and the mail server, and no queue. */
export const notificationsRole: Role = {
  isWanted: () => true,
  refusal: ({ mode, mail }) =>
    mode === "production" && mail.transport.type === "folder"
      ? "SMTP_URL is not set, so mails to customers and operators would go nowhere: set it, with MAIL_FROM and OPERATOR_MAIL, " +
        "or name the roles that this process is to start without notifications."
      : undefined,
  needsQueue: false,
  async start({ config, installation, clock, log, onStatement, watch, stopping, closing }) {
    const db = new Database({
      address: installation.address,
      poolSize: mailsAtOnce,
      applicationName: "keiyaku-notifications",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    closing.onClose(() => db.close(1_000));
    const { transport } = config.mail;
    if (transport.type === "folder")
      log.info(`No SMTP_URL: mails become files in ${transport.dir}, and nobody is sent any.`);
    const sending = startSending({
      db,
      transport: openTransport(transport),
      sender: { ...config.mail, zone: config.businessTimeZone },
      clock,
      log,
      stopping,
      mailEnded: watch.mailEnded,
    });
    // A mail that the server has not answered by then is left behind, and comes to be `unknown`.
    closing.onDrain(() => within(config.shutdownTimeoutMs, sending.stop()));
    const unlisten = await db.listen(notificationChannel, () => sending.ring());
    closing.onClose(() => within(1_000, unlisten()));
    return { checks: {}, facts: { mail: transport.type } };
  },
};

function openTransport(transport: Config["mail"]["transport"]): MailTransport {
  return transport.type === "smtp" ? createSmtpTransport(transport.options) : createFolderTransport(transport.dir);
}
