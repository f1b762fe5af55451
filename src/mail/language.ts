import { Temporal } from "temporal-polyfill";
import { type BusinessDate, businessDateOf, type Instant } from "../contract/calendar.ts";

/** The languages in which mails are written. */
export const locales = ["ja", "en"] as const;
export type Locale = (typeof locales)[number];

/** How amounts and dates are written in one language, for a contract's currency and on the business calendar. */
export interface Language {
  readonly locale: Locale;
  /** `1,980円` or `¥1,980`. */
  money(amountMinor: number): string;
  /** `2025年1月8日` or `January 8, 2025`. */
  date(date: BusinessDate): string;
  /** The same of the business date on which an instant falls. */
  dateOf(instant: Instant): string;
}

const tags = { ja: "ja-JP", en: "en-US" } as const;

/** The language of a mail. `zone` is the business time zone, `currency` the one of the contract. */
export function languageOf(locale: Locale, zone: string, currency: string): Language {
  const tag = tags[locale];
  // By name in Japanese: the sign would come out as a wide ￥, and people write 円.
  const currencyDisplay = locale === "ja" ? "name" : "narrowSymbol";
  const format = new Intl.NumberFormat(tag, { style: "currency", currency, currencyDisplay });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 0;
  const date = (day: BusinessDate) => Temporal.PlainDate.from(day).toLocaleString(tag, { dateStyle: "long" });
  return {
    locale,
    money: (amountMinor) => format.format(amountMinor / 10 ** digits),
    date,
    dateOf: (instant) => date(businessDateOf(instant, zone)),
  };
}
