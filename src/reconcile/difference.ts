import type { OperationKind } from "../contract/operation.ts";

/** An operation that would put a difference right: what the report that never came would have become. */
export interface Repair {
  readonly kind: OperationKind;
  readonly params: Readonly<Record<string, string>>;
}

/** Something of which our books and Stripe say otherwise. */
export interface Difference {
  readonly type: DifferenceType;
  readonly contractId: string;
  /** What it is about: ids, dates, statuses and amounts; no names, no addresses. */
  readonly detail: Readonly<Record<string, string | number>>;
  /** Null where only a person can tell which side is right, or can end what goes on at Stripe. */
  readonly repair: Repair | null;
}

/** A difference of a contract. */
export function differenceOf(
  { contract }: { readonly contract: { readonly id: string } },
  type: DifferenceType,
  detail: Difference["detail"],
  repair: Repair | null = null,
): Difference {
  return { type, contractId: contract.id, detail, repair };
}

/** What is said of a difference, and what a person does about it where no operation does. `{name}` is filled from its detail. */
interface Sentences {
  readonly ja: string;
  readonly en: string;
  readonly remedy: { readonly ja: string; readonly en: string };
}

/** How a difference is put right that an operation can put right. */
const byRepair = { ja: "--repair で修復できます。", en: "`--repair` puts it right." };

/** What is said of a difference whose repair gives money back, when nobody has asked to give any back. */
export const givesMoneyBack = {
  ja: "修復すると返金が行われます。内容を確認し、返金してよければ --with-refunds を付けて実行してください。",
  en: "Putting the contract right gives money back: look at it, and ask with `--with-refunds` if it is to go back.",
};

const endAtStripe = {
  ja: "Stripeの管理画面でサブスクリプションを終了してください。請求済みであれば返金してください。",
  en: "End it on Stripe's dashboard, and give back what it has charged.",
};

/**
 * Everything of which our books and Stripe can say otherwise, in both languages. A closed set: metrics, documents and programs
 * know each by its word.
 */
export const differenceSentences = {
  subscription_missing: {
    ja: "サブスクリプション {subscriptionId} はStripeに存在しません。",
    en: "Stripe has no subscription {subscriptionId}.",
    remedy: {
      ja: "APIキーのアカウントを確認し、正しいサブスクリプションに差し替えるか、契約を終了してください。",
      en: "See that the key is of the right account; then replace the subscription, or end the contract.",
    },
  },
  subscription_of_other_customer: {
    ja: "サブスクリプション {subscriptionId} は別の顧客（{customerId}）のものです。",
    en: "Subscription {subscriptionId} belongs to another customer, {customerId}.",
    remedy: {
      ja: "正しいサブスクリプションに差し替えてください。",
      en: "Replace the subscription by the right one.",
    },
  },
  subscription_ended: {
    ja: "契約は{status}ですが、サブスクリプション {subscriptionId} はStripeで終了しています（{stripeStatus}）。",
    en: "The contract is {status}, and its subscription {subscriptionId} has ended at Stripe ({stripeStatus}).",
    remedy: byRepair,
  },
  subscription_unpaid: {
    ja: "契約は{status}ですが、サブスクリプション {subscriptionId} の支払いが滞っています（{stripeStatus}）。",
    en: "The contract is {status}, and Stripe gets no money for its subscription {subscriptionId} ({stripeStatus}).",
    remedy: byRepair,
  },
  subscription_incomplete: {
    ja: "契約は{status}ですが、サブスクリプション {subscriptionId} の最初の支払いが済んでいません。",
    en: "The contract is {status}, and the first payment of its subscription {subscriptionId} has not been made.",
    remedy: {
      ja: "最初の請求書をStripeで確認してください。",
      en: "Look at its first invoice on Stripe's dashboard.",
    },
  },
  contract_still_suspended: {
    ja: "当期は支払い済みで、サブスクリプション {subscriptionId} も有効ですが、契約は停止したままです。",
    en: "The current period is paid and subscription {subscriptionId} is active, and the contract is still suspended.",
    remedy: byRepair,
  },
  subscription_runs_unpaid: {
    ja: "サブスクリプション {subscriptionId} は有効ですが、当期の支払いがどこにもなく、契約は停止しています。",
    en: "Subscription {subscriptionId} is active, no payment of the current period is anywhere, and the contract is suspended.",
    remedy: {
      ja: "当期の請求書がStripeで無効にされていないか確認し、請求し直すか、契約を解約してください。",
      en: "See whether its invoice was voided at Stripe; bill it there again, or terminate the contract.",
    },
  },
  reservation_missing: {
    ja: "サブスクリプション {subscriptionId} はStripeで {stripeEndsOn} に終了しますが、契約は解約予約されていません。",
    en: "Stripe is set to end subscription {subscriptionId} on {stripeEndsOn}, and the contract is not reserved to end.",
    remedy: byRepair,
  },
  reservation_lifted: {
    ja: "契約は {terminationOn} に解約予約されていますが、サブスクリプション {subscriptionId} はStripeで終了予定になっていません。",
    en: "The contract is reserved to end on {terminationOn}, and Stripe is not set to end subscription {subscriptionId}.",
    remedy: byRepair,
  },
  reservation_date_differs: {
    ja: "契約の解約予約は {terminationOn} ですが、サブスクリプション {subscriptionId} はStripeで {stripeEndsOn} に終了します。",
    en: "The contract is reserved to end on {terminationOn}, and Stripe ends subscription {subscriptionId} on {stripeEndsOn}.",
    remedy: byRepair,
  },
  period_end_differs: {
    ja: "サブスクリプション {subscriptionId} の当期はStripeで {stripeEndsOn} に終わりますが、契約の更新日は {renewalOn} です。",
    en: "Stripe ends the current period of subscription {subscriptionId} on {stripeEndsOn}; by the start date it is {renewalOn}.",
    remedy: {
      ja: "カード払いではStripeの日付が正です。取り込み前にサブスクリプションを差し替えた契約なら、対応は不要です。",
      en: "By card Stripe's date counts. Nothing is to be done if the subscription was replaced before an import.",
    },
  },
  former_subscription_runs: {
    ja: "以前のサブスクリプション {subscriptionId} がStripeで継続しています（{stripeStatus}）。",
    en: "The former subscription {subscriptionId} still runs at Stripe ({stripeStatus}).",
    remedy: endAtStripe,
  },
  subscription_outlives_contract: {
    ja: "契約は{status}ですが、サブスクリプション {subscriptionId} がStripeで継続しています（{stripeStatus}）。",
    en: "The contract is {status}, and its subscription {subscriptionId} still runs at Stripe ({stripeStatus}).",
    remedy: endAtStripe,
  },
  subscription_claims_contract: {
    ja: "サブスクリプション {subscriptionId} はこの契約のものとされていますが、契約は別のサブスクリプションで請求されています。",
    en: "Subscription {subscriptionId} says that it is for this contract, which is billed by another.",
    remedy: endAtStripe,
  },
  subscription_of_nobody: {
    ja: "顧客 {customerId} の同じ料金のサブスクリプション {subscriptionId} が継続していますが、どの契約のものでもありません。",
    en: "Subscription {subscriptionId} of customer {customerId} sells the same, runs, and is of no contract.",
    remedy: {
      ja: "二重の申し込みであれば、Stripeで終了し、返金してください。契約が未登録であれば登録してください。",
      en: "If it was made twice, end it at Stripe and give its money back; if its contract is unknown here, register it.",
    },
  },
  payment_missing: {
    ja: "{source} の支払い {amountMinor} 円が購入履歴にありません。",
    en: "Stripe was paid ¥{amountMinor} by {source}, which the purchase history does not show.",
    remedy: byRepair,
  },
  payment_unnamed: {
    ja: "{source} の支払いは購入履歴にありますが、StripeのIDが記録されていません。",
    en: "The payment by {source} is in the purchase history, without its ids at Stripe.",
    remedy: byRepair,
  },
  payment_not_at_stripe: {
    ja: "支払い {paymentId}（{source}）は、Stripeでは支払われていません。",
    en: "Payment {paymentId} is paid by {source} here, and Stripe has no such payment.",
    remedy: {
      ja: "APIキーのアカウントと、取り込んだデータのStripeのIDを確認してください。",
      en: "See that the key is of the right account, and whether an import brought a wrong id.",
    },
  },
  payment_amount_differs: {
    ja: "{source} の支払いは購入履歴では {bookedMinor} 円、Stripeでは {amountMinor} 円です。",
    en: "The purchase history shows ¥{bookedMinor} paid by {source}, and Stripe was paid ¥{amountMinor}.",
    remedy: {
      ja: "取り込んだ金額を確認してください。返金はStripeに残っている金額が上限です。",
      en: "See whether an import brought a wrong amount; no refund sends more than Stripe has left.",
    },
  },
  refund_missing: {
    ja: "Stripeの返金 {stripeRefundId}（{amountMinor} 円、{stripeStatus}）が記録されていません。",
    en: "Stripe has refund {stripeRefundId} of ¥{amountMinor} ({stripeStatus}), of which no row tells.",
    remedy: byRepair,
  },
  refund_state_differs: {
    ja: "返金 {refundId} は記録では {state}、Stripeでは {stripeStatus} です。",
    en: "Refund {refundId} is {state} here, and {stripeStatus} at Stripe.",
    remedy: byRepair,
  },
  refund_amount_differs: {
    ja: "返金 {stripeRefundId} は記録では {bookedMinor} 円、Stripeでは {amountMinor} 円です。",
    en: "Refund {stripeRefundId} is ¥{bookedMinor} here, and ¥{amountMinor} at Stripe.",
    remedy: {
      ja: "Stripeの管理画面の返金と `keiyaku contract show` を照合してください。",
      en: "Compare the refund on Stripe's dashboard with `keiyaku contract show`.",
    },
  },
  refund_not_at_stripe: {
    ja: "返金 {refundId}（{state}）の {stripeRefundId} はStripeに存在しません。",
    en: "Refund {refundId} is {state} here, and Stripe has no {stripeRefundId} of that payment.",
    remedy: {
      ja: "顧客に返金されていない可能性があります。Stripeの管理画面で確認してください。",
      en: "The customer may not have their money: look at the payment on Stripe's dashboard.",
    },
  },
  payment_wholly_refunded: {
    ja: "支払い {paymentId}（{source}）はStripeで全額返金済みですが、購入履歴では支払い済みのままです。",
    en: "Payment {paymentId} by {source} was wholly refunded at Stripe, and is still paid here.",
    remedy: byRepair,
  },
  payment_not_refunded: {
    ja: "支払い {paymentId} は購入履歴では返金済みですが、Stripeには {source} の返金がありません。",
    en: "Payment {paymentId} is refunded here, and Stripe has refunded nothing of {source}.",
    remedy: {
      ja: "顧客に返金されていない可能性があります。`keiyaku contract show` の返金を確認してください。",
      en: "The customer may not have their money: see the refunds of `keiyaku contract show`.",
    },
  },
} as const satisfies Readonly<Record<string, Sentences>>;

export type DifferenceType = keyof typeof differenceSentences;

export const differenceTypes = Object.keys(differenceSentences) as readonly DifferenceType[];

/** A difference in words: what it is, and what to do about it. */
export function explainDifference(
  { type, detail, repair }: Difference,
  language: "ja" | "en",
): { readonly sentence: string; readonly remedy: string } {
  const { [language]: sentence, remedy } = differenceSentences[type];
  const filled = sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(detail[name] ?? "–"));
  return { sentence: filled, remedy: repair === null ? remedy[language] : byRepair[language] };
}
