import { type ContractKind, type PaymentMethod, statusNamesJa } from "../contract/contract.ts";

export const contractKindNamesJa: Record<ContractKind, string> = { one_time: "買い切り", monthly: "月額" };

export const paymentMethodNamesJa: Record<PaymentMethod, string> = {
  card: "クレジットカード",
  bank_transfer: "銀行振込",
  other: "その他",
};

/** A status in English with the Japanese beside it. A word that is none is shown as it is. */
export function showStatus(status: string): string {
  const ja: string | undefined = (statusNamesJa as Readonly<Record<string, string>>)[status];
  return ja === undefined ? status : `${status} ${ja}`;
}
