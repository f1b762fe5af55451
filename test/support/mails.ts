import { parseBusinessDate } from "../../src/contract/calendar.ts";
import type { Sender } from "../../src/mail/prepare-mail.ts";
import type { ClaimedNotification } from "../../src/store/claim-notifications.ts";

/** The installation of the tests, with two operators. */
export const sender: Sender = {
  from: { name: "契約システム", address: "keiyaku@example.com" },
  operators: [
    { name: "", address: "accounting@example.com" },
    { name: "Support", address: "support@example.com" },
  ],
  operatorLocale: "ja",
  zone: "Asia/Tokyo",
};

/** A mail of the outbox about a failed attempt, to the customer, as a sender has taken it. */
export function claimedMail(overrides: Partial<ClaimedNotification> = {}): ClaimedNotification {
  return {
    id: 7,
    kind: "payment_failed",
    recipient: "customer",
    address: null,
    contractId: "c-1",
    detail: {
      invoiceId: "in_1",
      attempt: 2,
      invoice: "open",
      nextAttemptAt: "2025-01-10T15:30:00Z",
      amountMinor: 1_980,
      actionRequired: 0,
      suspended: 0,
    },
    createdAt: "2025-01-08T00:00:00.000Z",
    claimedAt: "2025-01-08T00:00:01.000Z",
    attempt: 1,
    tries: 1,
    contract: {
      productId: "magazine",
      currency: "jpy",
      paymentMethod: "card",
      startOn: parseBusinessDate("2024-10-08"),
    },
    customer: { name: "山田 花子", email: "hanako@example.com", locale: "ja" },
    ...overrides,
  };
}
