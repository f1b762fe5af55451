import { parseBusinessDate } from "../src/contract/calendar.ts";
import { type NoticeKind, type NoticeOf, noticeKinds } from "../src/contract/change.ts";
import { customerNoticeKinds, type NoticeDetail } from "../src/contract/notices.ts";
import { type Locale, locales } from "../src/mail/language.ts";
import type { WrittenMail } from "../src/mail/letter.ts";
import { writeMail } from "../src/mail/write-mail.ts";
import type { MailedContract } from "../src/store/claim-notifications.ts";

/** What a mail is shown for, in words, with what it carries then. */
interface Example<Kind extends NoticeKind> {
  readonly when: string;
  readonly detail: NoticeDetail<Kind>;
  /** Left out where it is the one by card. Null for a contract that is gone, or for none. */
  readonly contract?: MailedContract | null;
  /** Left out where it is sent as soon as it is caused. */
  readonly sentAt?: string;
}

const byCard: MailedContract = {
  productId: "magazine",
  currency: "jpy",
  paymentMethod: "card",
  startOn: parseBusinessDate("2024-10-08"),
};
const byTransfer: MailedContract = { ...byCard, paymentMethod: "bank_transfer" };

const failure: NoticeDetail<"payment_failed"> = {
  invoiceId: "in_1Q8a0mKeiyaku",
  attempt: 1,
  invoice: "open",
  nextAttemptAt: "2025-01-10T15:30:00Z",
  amountMinor: 1_980,
  actionRequired: 0,
  suspended: 1,
};

const disputeExamples = {
  inquiry: "the bank only asks",
  inquiry_closed: "the bank asks no longer",
  open: "the dispute is open",
  won: "the dispute is won",
  lost: "the dispute is lost",
} as const;

/** At least one of each kind, and one for each thing that a mail of the kind may have to say. */
const examples: { readonly [Kind in NoticeKind]: readonly Example<Kind>[] } = {
  payment_failed: [
    { when: "the first attempt, which suspends the contract", detail: failure },
    {
      when: "the last attempt, of a contract that is suspended already",
      detail: { ...failure, attempt: 4, nextAttemptAt: null, suspended: 0 },
    },
    {
      when: "it is sent after the date of the next attempt, since the mail server was away",
      detail: failure,
      sentAt: "2025-01-12T00:00:00Z",
    },
    { when: "3-D Secure is required", detail: { ...failure, attempt: 0, nextAttemptAt: null, actionRequired: 1 } },
    {
      when: "its report comes late, and the invoice has been paid since",
      detail: { ...failure, invoice: "paid", nextAttemptAt: null, suspended: 0 },
    },
    {
      when: "its report comes after the contract's end",
      detail: { ...failure, attempt: 4, invoice: "over", nextAttemptAt: null, suspended: 0 },
    },
  ],
  contract_suspended: [
    { when: "by card, as Stripe reports", detail: { period: 3 } },
    { when: "by bank transfer, as an operator has asked", detail: { period: 3 }, contract: byTransfer },
  ],
  contract_running_again: [{ when: "the payment has arrived", detail: {} }],
  contract_terminated: [{ when: "the contract has ended", detail: {} }],
  contract_canceled: [
    { when: "with a refund by card", detail: { refundMinor: 4_980, owedMinor: 0 } },
    { when: "with a refund by hand", detail: { refundMinor: 4_980, owedMinor: 4_980 }, contract: byTransfer },
    { when: "with refunds by card, of which Stripe has refused one", detail: { refundMinor: 4_980, owedMinor: 1_980 } },
    { when: "without anything to refund", detail: { refundMinor: 0, owedMinor: 0 } },
  ],
  refund_refused: [{ when: "Stripe refuses two refunds of one operation", detail: { refunds: 2, owedMinor: 4_980 } }],
  refund_failed: [
    { when: "a refund fails days later", detail: { stripeRefundId: "re_1Q8a0mKeiyaku", amountMinor: 1_980 } },
  ],
  payment_disputed: (["inquiry", "inquiry_closed", "open", "won", "lost"] as const).map((state) => ({
    when: disputeExamples[state],
    detail: { paymentIntentId: "pi_1Q8a0mKeiyaku", disputeId: "du_1Q8a0mKeiyaku", state, amountMinor: 1_980 },
  })),
  late_payment: [
    {
      when: "it is refunded",
      detail: { source: "in_1Q8a0mKeiyaku", amountMinor: 1_980, refundMinor: 1_980 },
    },
    {
      when: "it is kept, for a contract that was deleted",
      detail: { source: "pi_1Q8a0mKeiyaku", amountMinor: 1_980, refundMinor: 0 },
      contract: null,
    },
  ],
  subscription_odd: [
    {
      when: "Stripe is set to leave it unpaid",
      detail: { subscriptionId: "sub_1Q8a0mKeiyaku", stripeSubscriptionStatus: "unpaid" },
    },
  ],
  operation_held: [
    { when: "its attempts are used up", detail: { operationId: "cancel-2025-0117", question: "attempts_exhausted" } },
  ],
  event_unmatched: [
    {
      when: "its subscription is nobody's",
      detail: { eventId: "evt_1Q8a0mKeiyaku", eventType: "invoice.paid", reference: "sub_1Q8a0mKeiyaku" },
      contract: null,
    },
  ],
  event_held: [
    {
      when: "it could not be applied",
      detail: {
        eventId: "evt_1Q8a0mKeiyaku",
        eventType: "invoice.paid",
        reason: "unreadable: data.object.subscription",
      },
      contract: null,
    },
  ],
};

const contractId = "c-2025-0108";
const customers = {
  ja: { name: "山田 花子", email: "hanako@example.com", locale: "ja" },
  en: { name: "Hanako Yamada", email: "hanako@example.com", locale: "en" },
} as const;

/** The files of `docs/mail/`, by their names: every mail in both languages, as it is sent. */
export function mailDocuments(): ReadonlyMap<string, string> {
  return new Map([["README.md", overview()], ...noticeKinds.map((kind) => [`${kind}.md`, documentOf(kind)] as const)]);
}

const made = "Made from the templates by `npm run generate`; do not edit.";

function overview(): string {
  const rows = noticeKinds.map((kind) => {
    const example = examples[kind][0];
    if (example === undefined) throw new Error(`${kind} has no example`);
    const subjects = locales.map((locale) => write(kind, "operators", locale, example).subject);
    return `| [\`${kind}\`](${kind}.md) | ${recipientsOf(kind).join(", ")} | ${subjects.join("<br>")} |`;
  });
  return `${[
    "# Mails",
    `${made} Every mail as it is sent, in both languages; the text and the HTML are\nmade of the same parts, and say the same.`,
    ["| kind | to | subject to operators |", "|---|---|---|", ...rows].join("\n"),
  ].join("\n\n")}\n`;
}

function documentOf(kind: NoticeKind): string {
  const parts = (examples[kind] as readonly Example<NoticeKind>[]).flatMap((example) => [
    `## When ${example.when}`,
    ...recipientsOf(kind).flatMap((recipient) =>
      locales.flatMap((locale) => shown(`To ${nameOf(recipient)}, ${locale}`, write(kind, recipient, locale, example))),
    ),
  ]);
  return `${[`# ${kind}`, made, ...parts].join("\n\n")}\n`;
}

function nameOf(recipient: NoticeOf<NoticeKind>["recipient"]): string {
  return recipient === "customer" ? "the customer" : "operators";
}

function recipientsOf(kind: NoticeKind): readonly ("customer" | "operators")[] {
  return (customerNoticeKinds as readonly string[]).includes(kind) ? ["customer", "operators"] : ["operators"];
}

function write(
  kind: NoticeKind,
  recipient: "customer" | "operators",
  locale: Locale,
  { detail, contract = byCard, sentAt = "2025-01-08T00:00:00Z" }: Example<NoticeKind>,
): WrittenMail {
  const about = {
    kind,
    recipient,
    detail,
    contract,
    // An event belongs to no contract; one that is gone is known by its id all the same.
    contractId: kind === "event_unmatched" || kind === "event_held" ? null : contractId,
    customer: customers[locale],
    claimedAt: sentAt,
  };
  const written = writeMail(about, { zone: "Asia/Tokyo", operatorLocale: locale });
  if (typeof written === "string") throw new Error(`${kind} to ${recipient}: ${written}`);
  return written;
}

function shown(title: string, { subject, text, html }: WrittenMail): readonly string[] {
  return [
    `### ${title}`,
    `**${subject}**`,
    `\`\`\`text\n${text}\`\`\``,
    `<details><summary>HTML</summary>\n\n\`\`\`html\n${html}\`\`\`\n\n</details>`,
  ];
}
