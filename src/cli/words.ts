import type { ContractKind, ContractStatus, PaymentMethod } from "../contract/contract.ts";

/** What the operators' page calls each status. */
export const statusNamesJa: Record<ContractStatus, string> = {
  awaiting_payment: "決済待ち",
  not_started: "契約開始前",
  established: "契約成立",
  active: "契約継続中",
  special_period: "特別期間",
  termination_reserved: "解約予約",
  payment_unconfirmed: "決済未確認",
  canceled: "キャンセル",
  terminated: "解約",
};

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
