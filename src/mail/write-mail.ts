import type { NoticeKind } from "../contract/change.ts";
import { type CustomerNoticeKind, customerNoticeKinds, noticeDetails } from "../contract/notices.ts";
import type { ClaimedNotification } from "../store/claim-notifications.ts";
import { type Locale, languageOf } from "./language.ts";
import { type Letter, plain, type WrittenMail, writeLetter } from "./letter.ts";
import { customerEn } from "./templates/customer-en.ts";
import { customerJa } from "./templates/customer-ja.ts";
import { operatorsEn } from "./templates/operators-en.ts";
import { operatorsJa } from "./templates/operators-ja.ts";
import type { CustomerMatter, OperatorMatter } from "./templates/template.ts";

const templates = {
  customer: { ja: customerJa, en: customerEn },
  operators: { ja: operatorsJa, en: operatorsEn },
} as const;

/** The installation's side of every mail. */
export interface Writing {
  /** The business time zone. */
  readonly zone: string;
  readonly operatorLocale: Locale;
}

/** Why a mail cannot be written, and so never will be sent as it is. */
export type Unwritable =
  /** Whom it is for is not known, or was erased with their last contract. */
  | "customer_unknown"
  /** The operator's address is among the settings no more. */
  | "operator_unknown"
  /** Written by another version of this program. */
  | "kind_unknown"
  | "detail_unreadable";

/** Of a contract that is gone: every contract is in yen. */
const currencyByDefault = "jpy";

type Outboxed = Pick<
  ClaimedNotification,
  "kind" | "recipient" | "contractId" | "detail" | "contract" | "customer" | "claimedAt"
>;

/** Writes a mail of the outbox in its reader's language, or says why it cannot be written. */
export function writeMail(
  { kind, recipient, contractId, detail, contract, customer, claimedAt: sentAt }: Outboxed,
  { zone, operatorLocale }: Writing,
): WrittenMail | Unwritable {
  if (!isKind(kind)) return "kind_unknown";
  const read = noticeDetails[kind].safeParse(detail);
  if (!read.success) return "detail_unreadable";
  const currency = contract?.currency ?? currencyByDefault;
  if (recipient === "operators") {
    const language = languageOf(operatorLocale, zone, currency);
    const letter = writeToOperators(kind, { detail: read.data as never, language, sentAt, contractId, contract });
    return writeLetter(letter, operatorLocale);
  }
  if (!isForCustomers(kind)) return "kind_unknown";
  if (customer === null || contract === null || contractId === null) return "customer_unknown";
  const { locale } = customer;
  const name = plain(customer.name);
  const language = languageOf(locale, zone, currency);
  return writeLetter(
    writeToCustomer(kind, { detail: read.data as never, language, sentAt, name, contractId, contract }),
    locale,
  );
}

function writeToCustomer<Kind extends CustomerNoticeKind>(kind: Kind, matter: CustomerMatter<Kind>): Letter {
  return templates.customer[matter.language.locale][kind](matter);
}

function writeToOperators<Kind extends NoticeKind>(kind: Kind, matter: OperatorMatter<Kind>): Letter {
  return templates.operators[matter.language.locale][kind](matter);
}

function isKind(kind: string): kind is NoticeKind {
  return Object.hasOwn(noticeDetails, kind);
}

function isForCustomers(kind: string): kind is CustomerNoticeKind {
  return (customerNoticeKinds as readonly string[]).includes(kind);
}
