import { Temporal } from "temporal-polyfill";
import type { Instant } from "../../contract/calendar.ts";
import type { NoticeKind } from "../../contract/change.ts";
import type { CustomerNoticeKind, NoticeDetail } from "../../contract/notices.ts";
import type { MailedContract } from "../../store/claim-notifications.ts";
import type { Language } from "../language.ts";
import type { Letter } from "../letter.ts";

/** What a template writes of. */
interface Matter<Kind extends NoticeKind> {
  readonly detail: NoticeDetail<Kind>;
  readonly language: Language;
  /** When it is sent, which may be days after it was caused. */
  readonly sentAt: Instant;
}

/** What a customer is written of: their own contract, which is there. */
export interface CustomerMatter<Kind extends CustomerNoticeKind> extends Matter<Kind> {
  /** Empty when nothing of it can be shown. */
  readonly name: string;
  readonly contractId: string;
  readonly contract: MailedContract;
}

/** What operators are written of. The contract may be gone, or there may be none. */
export interface OperatorMatter<Kind extends NoticeKind> extends Matter<Kind> {
  readonly contractId: string | null;
  readonly contract: MailedContract | null;
}

/** The mails to customers in one language. */
export type CustomerTemplates = { readonly [Kind in CustomerNoticeKind]: (matter: CustomerMatter<Kind>) => Letter };

/** The mails to operators in one language. */
export type OperatorTemplates = { readonly [Kind in NoticeKind]: (matter: OperatorMatter<Kind>) => Letter };

/** The next attempt as it was known when the mail was caused, in words of the reader's; null when there is none. */
export function nextAttemptOf({ detail: { nextAttemptAt }, language, sentAt }: Matter<"payment_failed">) {
  if (nextAttemptAt === null) return null;
  return { on: language.dateOf(nextAttemptAt), hasPassed: Temporal.Instant.compare(nextAttemptAt, sentAt) <= 0 };
}

/** See {@link nextAttemptOf}. */
export type NextAttempt = ReturnType<typeof nextAttemptOf>;

/** The command that shows everything of a contract. */
export function showContract(contractId: string | null) {
  return contractId === null ? [] : [{ command: `keiyaku contract show ${contractId}` }];
}
