import type { MailConfig } from "../config.ts";
import type { ClaimedNotification } from "../store/claim-notifications.ts";
import { plain } from "./letter.ts";
import type { Mail } from "./mail.ts";
import { type Unwritable, writeMail } from "./write-mail.ts";

/** What every mail of this installation has in common. */
export interface Sender extends Pick<MailConfig, "from" | "operators" | "operatorLocale"> {
  /** The business time zone. */
  readonly zone: string;
}

/** Makes the mail of a claim, as its reader is known now, or says why it cannot be made. */
export function prepareMail(claimed: ClaimedNotification, sender: Sender): Mail | Unwritable {
  const { id, kind, recipient, createdAt } = claimed;
  const written = writeMail(claimed, sender);
  if (typeof written === "string") return written;
  const to = addressOf(claimed, sender);
  if (to === undefined) return "operator_unknown";
  const domain = sender.from.address.split("@")[1] ?? "localhost";
  return {
    ...written,
    name: `${id}-${kind}-${recipient}`,
    // The moment tells two installations apart that send from one domain and count alike.
    messageId: `keiyaku.${id}.${createdAt.replaceAll(/\D/g, "")}@${domain}`,
    from: sender.from,
    to,
  };
}

/** The operator's as it is set now, with their name; undefined when the settings name them no more. */
function addressOf({ recipient, customer, address }: ClaimedNotification, { operators }: Sender) {
  if (recipient === "customer" && customer !== null) return { name: plain(customer.name), address: customer.email };
  return address === null ? operators[0] : operators.find((operator) => operator.address === address);
}
