import type { MailAddress } from "../mail-address.ts";
import type { WrittenMail } from "./letter.ts";

/** A mail ready to be sent. */
export interface Mail extends WrittenMail {
  /** The name of a file for it: its number in the outbox, its kind and its recipient. Names nobody. */
  readonly name: string;
  /** Without brackets. The same each time that this mail is sent. */
  readonly messageId: string;
  readonly from: MailAddress;
  readonly to: MailAddress;
}

/**
 * What became of a mail that was to be sent:
 *
 * - `sent`: the mail server has accepted it.
 * - `later`: it certainly has not, and may another time. `isCommon`: nor would any other mail have come through.
 * - `refused`: it certainly has not, and never will as it is.
 * - `unknown`: the mail was being handed over when the connection ended, and nobody knows who has it.
 *
 * `problem` is a code of the mail server's or a word of ours, never an address and nothing that the server said in words.
 */
export type Delivery =
  | { readonly type: "sent" }
  | { readonly type: "later"; readonly problem: string; readonly isCommon: boolean }
  | { readonly type: "refused" | "unknown"; readonly problem: string };

/** A way out for mails. Sending the same mail twice sends it twice. */
export interface MailTransport {
  send(mail: Mail): Promise<Delivery>;
}

/** The longest that a mail takes to be sent, or not; a claim that is older was made by somebody who is gone. */
export const sentWithinMs = 180_000;
