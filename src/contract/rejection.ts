/**
 * Why a rule said no. The code is stable and meant for programs; `detail` names what it was about (the status, the
 * field, a date) and never carries personal data. The sentences for people come from {@link explainRejection}.
 */
export interface Rejection {
  readonly code: RejectionCode;
  readonly detail: Readonly<Record<string, string>>;
  /** For `plan_changed`: what the operation would do now, with the digest under which to ask again. */
  readonly plan?: object;
}

interface Sentences {
  readonly ja: string;
  readonly en: string;
  /** What is said where there is nothing that the detail could name. */
  readonly ofNone?: { readonly ja: string; readonly en: string };
}

/** Every code with its sentence in both languages. `{name}` is filled from the rejection's detail. */
export const rejectionSentences = {
  invalid_request: {
    ja: "依頼の「{field}」が正しくありません（詳細: {problem}）。",
    en: "The request's {field} is not valid: {problem}.",
  },
  id_reused: {
    ja: "この依頼IDは、別の内容の依頼で使用済みです。新しいIDで依頼してください。",
    en: "This id was used before by a request with other content. Send the new request under an id of its own.",
  },
  contract_not_found: {
    ja: "契約が見つかりません。先に契約を登録してください。",
    en: "There is no such contract. Register it first.",
  },
  contract_exists: { ja: "この契約IDの契約は既に存在します。", en: "A contract with this id exists already." },
  contract_deleted: { ja: "この契約は削除済みです。", en: "The contract has been deleted." },
  stripe_reference_missing: {
    ja: "カード払いの契約には、Stripeの {field} が必要です。",
    en: "A contract paid by card needs its {field} from Stripe.",
  },
  subscription_mismatch: {
    ja: "サブスクリプション {subscriptionId} は使用できません（{problem}）。",
    en: "Subscription {subscriptionId} cannot bill this contract: {problem}.",
  },
  actor_not_allowed: {
    ja: "この操作、またはこの契約についてのこの操作は、依頼者（{actor}）からは依頼できません。",
    en: "This operation, or this operation on this contract, is not for this actor ({actor}) to ask for.",
  },
  operation_held: {
    ja: "この契約では、担当者の確認を待っている操作（{operationId}）があります。解決するまで新しい依頼は受け付けられません。",
    en: "Operation {operationId} of this contract waits for a person. New requests are refused until it is settled.",
  },
  not_monthly: { ja: "月額契約に限る操作です。", en: "Only a monthly contract can do this." },
  not_one_time: { ja: "買い切り契約に限る操作です。", en: "Only a one-time contract can do this." },
  paid_by_card: {
    ja: "カード払いの契約です。返金は自動で行われる操作を使用してください。",
    en: "The contract is paid by card, so its refund goes through Stripe.",
  },
  not_paid_by_card: {
    ja: "カード払いの契約に限る操作です。",
    en: "Only a contract paid by card can do this.",
  },
  collected_by_stripe: {
    ja: "カード払いの契約です。支払いはStripeが確認します。",
    en: "The contract is paid by card: Stripe collects the money and reports it.",
  },
  status_not_allowed: {
    ja: "契約ステータスが「{statusJa}」のため、この操作はできません。",
    en: "The contract's status {status} does not allow this.",
  },
  renewal_date_today: {
    ja: "契約更新日（{date}）には解約予約をすることはできません。",
    en: "Termination cannot be reserved on a renewal date ({date}).",
  },
  renewal_date_reached: {
    ja: "更新日（{date}）を迎えたため、解約予約は取り消せません。",
    en: "The renewal date {date} has come, so the reservation can no longer be withdrawn.",
  },
  renewal_already_processed: {
    ja: "依頼の後に契約が更新されたため、この依頼は実行できません。",
    en: "The contract has been renewed since this was asked for.",
  },
  reserved_by_product_month: {
    ja: "商品の年月指定による自動解約のため、解約予約は取り消せません。",
    en: "The reservation was made by the product's automatic-termination month and cannot be withdrawn.",
  },
  subscription_not_running: {
    ja: "Stripeの定期支払い（サブスクリプション）が終了しているため、この操作はできません。",
    en: "The contract's subscription has ended at Stripe, or never existed there.",
  },
  period_unpaid: {
    ja: "当月分（{period}）の支払いが確認されていないため、停止を解除できません。",
    en: "The current period ({period}) is not among those paid, so the contract stays suspended.",
  },
  not_due: {
    ja: "期日（{date}）の時点で、行うべき処理はありません。",
    en: "On {date} there is nothing for this to do: its day has not come, or it has been done already.",
  },
  confirmation_missing: {
    ja: "削除するには、確認のため「confirm」に契約ID（{contractId}）を指定してください。",
    en: "To delete the contract, repeat its id ({contractId}) as params.confirm.",
  },
  payment_not_found: {
    ja: "この契約に支払い {paymentId} はありません。",
    en: "The contract has no payment {paymentId}.",
    ofNone: { ja: "この契約に支払いはありません。", en: "The contract has no payments." },
  },
  payment_not_paid: {
    ja: "支払い {paymentId} は支払われていないため、返金できません。",
    en: "Payment {paymentId} has not been paid, so there is nothing to refund.",
  },
  already_refunded: {
    ja: "支払い {paymentId} は返金済みか、返金の手続き中です。",
    en: "Payment {paymentId} has been refunded, or its refund is under way.",
  },
  payment_disputed: {
    ja: "支払い {paymentId} は不審請求の申し立てにより失われたため、返金できません。",
    en: "Payment {paymentId} was lost in a dispute and cannot be refunded as well.",
  },
  refund_not_owed: {
    ja: "返金 {refundId} は、返金待ちではありません。",
    en: "Refund {refundId} is not owed.",
    ofNone: { ja: "返金待ちの返金はありません。", en: "No refund is owed." },
  },
  plan_changed: {
    ja: "確認後に契約の状況が変わりました。内容をもう一度確認してから依頼してください。",
    en: "The contract has changed since the preview, and this would now do something else. Look at the new plan and ask again.",
  },
} as const satisfies Record<string, Sentences>;

export type RejectionCode = keyof typeof rejectionSentences;

export const rejectionCodes = Object.keys(rejectionSentences) as readonly RejectionCode[];

/** Makes a rejection; the detail defaults to empty. */
export function rejection(code: RejectionCode, detail: Readonly<Record<string, string>> = {}): Rejection {
  return { code, detail };
}

/** The sentence that tells a person, in Japanese or English, why a rule said no. */
export function explainRejection(
  refused: { readonly code: RejectionCode; readonly detail: Readonly<Record<string, unknown>> },
  locale: "ja" | "en",
): string {
  const sentences: Sentences = rejectionSentences[refused.code];
  const isOfNone = sentences.ofNone !== undefined && Object.keys(refused.detail).length === 0;
  const sentence = (isOfNone ? sentences.ofNone : sentences)[locale];
  return sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = refused.detail[name];
    return typeof value === "string" ? value : "?";
  });
}
