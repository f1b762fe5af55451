import MailComposer from "nodemailer/lib/mail-composer";
import type { Mail } from "./mail.ts";

/** The mail as it goes over the wire: both forms of the same content, and a sign that no person wrote it. */
export function compose({ messageId, from, to, subject, text, html }: Mail): Promise<Buffer> {
  const node = new MailComposer({
    messageId: `<${messageId}>`,
    from,
    to,
    subject,
    text,
    html,
    // Asks programs that answer by themselves, such as "I am on holiday", not to (RFC 3834).
    headers: { "Auto-Submitted": "auto-generated" },
    // What the mail is made of are strings of ours; a path or an address in them must not be opened.
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
  return node.build();
}
