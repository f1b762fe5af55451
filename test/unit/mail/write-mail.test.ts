import { describe, expect, it } from "vitest";
import { noticeKinds } from "../../../src/contract/change.ts";
import { customerNoticeKinds, noticeDetails } from "../../../src/contract/notices.ts";
import { languageOf } from "../../../src/mail/language.ts";
import { prepareMail } from "../../../src/mail/prepare-mail.ts";
import { writeMail } from "../../../src/mail/write-mail.ts";
import { claimedMail, sender } from "../../support/mails.ts";

const english = { name: "Hanako", email: "hanako@example.com", locale: "en" } as const;

function written(overrides: Parameters<typeof claimedMail>[0] = {}) {
  const mail = writeMail(claimedMail(overrides), sender);
  if (typeof mail === "string") throw new Error(mail);
  return mail;
}

function failure(overrides: Readonly<Record<string, unknown>>) {
  return { detail: { ...claimedMail().detail, ...overrides } };
}

describe("a mail about a failed attempt", () => {
  it("names the attempt and the date of the next one, to the customer and to operators", () => {
    for (const { text } of [written(), written({ recipient: "operators", customer: null })]) {
      expect(text).toContain("2回目");
      expect(text).toContain("2025年1月11日");
    }
    const { text } = written({ customer: english });
    expect(text).toContain("Attempt: number 2");
    expect(text).toContain("We will try again on January 11, 2025.");
  });

  it("names a date that has passed when it is sent as one that was planned", () => {
    const atThatMoment = { claimedAt: "2025-01-10T15:30:00Z" };
    const toCustomer = written(atThatMoment).text;
    expect(toCustomer).toContain("次回の決済：2025年1月11日の予定でした");
    expect(toCustomer).not.toContain("もう一度決済を行います");
    const { text } = written({ ...atThatMoment, customer: english });
    expect(text).toContain("Next attempt: was planned for January 11, 2025");
    expect(text).toContain("could only be sent after that date");
    expect(text).not.toContain("try again");
    const toOperators = { ...atThatMoment, recipient: "operators", customer: null } as const;
    expect(written(toOperators).text).toContain("次回の決済：2025年1月11日の予定（送信時点で経過）");
    const inEnglish = writeMail(claimedMail(toOperators), { ...sender, operatorLocale: "en" });
    expect(inEnglish).toMatchObject({
      text: expect.stringContaining("Next attempt: was planned for January 11, 2025, before this was sent"),
    });
    const aMomentBefore = { claimedAt: "2025-01-10T15:29:59.999Z" };
    expect(written({ ...aMomentBefore, customer: english }).text).toContain("We will try again on January 11, 2025.");
  });

  it("says that there is no next one", () => {
    const last = failure({ nextAttemptAt: null, attempt: 4 });
    expect(written(last).text).toContain("次回の決済：予定はありません");
    expect(written({ ...last, customer: english }).text).toContain("No further attempt will be made automatically.");
    expect(written({ ...last, recipient: "operators", customer: null }).text).toContain("次回の決済：予定なし");
  });

  it.each([
    ["paid", "その後お支払いいただいております", "It has been made since."],
    ["over", "ご請求は取りやめました", "We no longer ask for this payment."],
  ] as const)("of an invoice that is %s promises no further attempt, and asks for nothing", (invoice, ja, en) => {
    const late = failure({ invoice, nextAttemptAt: null, attempt: 1 });
    expect(written(late).text).toContain(ja);
    const { text } = written({ ...late, customer: english });
    expect(text).toContain(en);
    for (const told of [text, written(late).text]) expect(told).not.toMatch(/try again|もう一度|更新|update/);
    expect(written({ ...late, recipient: "operators", customer: null }).text).toContain("対応は不要です。");
  });

  it("asks the customer to confirm where 3-D Secure is what is missing", () => {
    const { subject, text } = written({ ...failure({ actionRequired: 1, attempt: 0 }), customer: english });
    expect(subject).toBe("Please confirm your payment (contract c-1)");
    expect(text).not.toContain("Attempt:");
  });
});

describe("a mail about a contract that was called off", () => {
  const canceled = (refundMinor: number, owedMinor: number, overrides = {}) =>
    written({ kind: "contract_canceled", detail: { refundMinor, owedMinor }, customer: english, ...overrides }).text;
  const operators = { recipient: "operators", customer: null } as const;

  it("promises the card only what goes there, and says of the rest that somebody will ask", () => {
    expect(canceled(4_980, 0)).toContain("goes to the credit card");
    expect(canceled(4_980, 0)).not.toContain("contact you about");
    expect(canceled(4_980, 1_980)).toContain("goes to the credit card");
    expect(canceled(4_980, 1_980)).toContain("Of the refund, ¥1,980 cannot go that way");
    expect(canceled(4_980, 4_980)).not.toContain("credit card");
    expect(canceled(4_980, 4_980)).toContain("We will contact you about how the refund will be made.");
    expect(canceled(0, 0)).toContain("nothing to refund");
  });

  it("tells operators what they have to pay back", () => {
    expect(canceled(4_980, 1_980, operators)).toContain("1,980円は、Stripeを通さない返金か");
    expect(canceled(4_980, 1_980, operators)).toContain("keiyaku owed");
    expect(canceled(4_980, 0, operators)).not.toContain("keiyaku owed");
  });
});

describe("a customer's name", () => {
  it.each([
    [" \u202E\n", "Dear customer,", "お客様\n", ""],
    ["山田\r\n花子", "Dear 山田 花子,", "山田 花子 様", "山田 花子"],
  ])("that is %j is written so that nothing of it hides or breaks a line", (name, en, ja, inHeader) => {
    expect(written({ customer: { ...english, name } }).text).toContain(en);
    expect(written({ customer: { ...english, locale: "ja", name } }).text).toContain(ja);
    const mail = prepareMail(claimedMail({ customer: { ...english, name } }), sender);
    expect(mail).toMatchObject({ to: { name: inHeader, address: english.email } });
  });
});

describe("a mail", () => {
  it("has a form for what each kind carries, and customers are written of no other kinds", () => {
    expect(Object.keys(noticeDetails).toSorted()).toEqual([...noticeKinds].toSorted());
    for (const kind of noticeKinds) {
      const isForCustomers = (customerNoticeKinds as readonly string[]).includes(kind);
      const toCustomer = writeMail(claimedMail({ kind, detail: exampleOf(kind) }), sender);
      expect([kind, typeof toCustomer]).toEqual([kind, isForCustomers ? "object" : "string"]);
    }
  });

  it.each([
    [{ kind: "season_greetings" }, "kind_unknown"],
    [{ detail: { invoiceId: "in_1" } }, "detail_unreadable"],
    [{ customer: null }, "customer_unknown"],
    [{ contract: null }, "customer_unknown"],
  ])("that is %o cannot be written: %s", (overrides, why) => {
    expect(prepareMail(claimedMail(overrides), sender)).toBe(why);
  });

  it("to operators is written of a contract that is gone too", () => {
    const gone = claimedMail({ recipient: "operators", contract: null, customer: null });
    const name = "7-payment_failed-operators";
    expect(prepareMail(gone, sender)).toMatchObject({ to: sender.operators[0], name });
    const [, second] = sender.operators;
    expect(prepareMail({ ...gone, address: "support@example.com" }, sender)).toMatchObject({ to: second, name });
    expect(prepareMail({ ...gone, address: "gone@example.com" }, sender)).toBe("operator_unknown");
  });
});

describe("amounts and dates", () => {
  it.each([
    ["ja", "jpy", "1,980円", "2025年1月8日"],
    ["en", "jpy", "¥1,980", "January 8, 2025"],
    ["en", "usd", "$19.80", "January 8, 2025"],
  ] as const)("in %s and %s are %s and %s", (locale, currency, money, date) => {
    const language = languageOf(locale, "Asia/Tokyo", currency);
    expect(language.money(1_980)).toBe(money);
    expect(language.dateOf("2025-01-07T15:00:00Z")).toBe(date);
  });
});

/** Something that a notice of this kind may carry. */
function exampleOf(kind: (typeof noticeKinds)[number]): Readonly<Record<string, unknown>> {
  const values: Readonly<Record<string, unknown>> = {
    ...claimedMail().detail,
    period: 3,
    refunds: 1,
    owedMinor: 1_980,
    refundMinor: 0,
    stripeRefundId: "re_1",
    paymentIntentId: "pi_1",
    disputeId: "dp_1",
    state: "open",
    source: "in_1",
    subscriptionId: "sub_1",
    stripeSubscriptionStatus: "unpaid",
    operationId: "op-1",
    question: "attempts_exhausted",
    eventId: "evt_1",
    eventType: "invoice.paid",
    reference: "sub_1",
    reason: "unreadable: data.object.id",
  };
  const detail = Object.fromEntries(Object.keys(noticeDetails[kind].shape).map((key) => [key, values[key]]));
  expect([kind, noticeDetails[kind].safeParse(detail).success]).toEqual([kind, true]);
  return detail;
}
