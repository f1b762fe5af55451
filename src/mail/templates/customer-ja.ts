import { periodAt } from "../../contract/calendar.ts";
import type { Language } from "../language.ts";
import type { Block } from "../letter.ts";
import { type CustomerMatter, type CustomerTemplates, type NextAttempt, nextAttemptOf } from "./template.ts";

type Addressed = Pick<CustomerMatter<"contract_terminated">, "name" | "contractId" | "contract">;

function begin({ name }: Addressed): readonly Block[] {
  return [`${name === "" ? "お客" : `${name} `}様`, "いつもご利用いただき、ありがとうございます。"];
}

function contractFacts({ contractId, contract }: Addressed): readonly (readonly [string, string])[] {
  return [
    ["ご契約番号", contractId],
    ["商品", contract.productId],
  ];
}

const end =
  "このメールは送信専用のアドレスから自動でお送りしています。ご不明な点は、お申し込み先の窓口までお問い合わせください。";

/** お客様あてのメール。 */
export const customerJa: CustomerTemplates = {
  payment_failed: (matter) => {
    const { contractId, language, detail } = matter;
    const { attempt, invoice, amountMinor, actionRequired, suspended } = detail;
    const next = nextAttemptOf(matter);
    const words = failureWords[actionRequired === 1 ? "confirm" : invoice];
    return {
      subject: `${words.subject}（ご契約 ${contractId}）`,
      blocks: [
        ...begin(matter),
        words.sentence,
        {
          facts: [
            ...contractFacts(matter),
            ["金額", language.money(amountMinor)],
            ...(attempt === 0 ? [] : ([["決済の回数", `${attempt}回目`]] as const)),
            ...(invoice === "open" ? ([["次回の決済", nextWords(next)]] as const) : []),
          ],
        },
        ...(suspended === 1 ? [words.suspended] : []),
        words.step(next),
        end,
      ],
    };
  },
  contract_suspended: (matter) => {
    const { contractId, contract, language, detail } = matter;
    return {
      subject: `ご契約を停止いたしました（ご契約 ${contractId}）`,
      blocks: [
        ...begin(matter),
        "お支払いを確認できないため、次のご契約を停止いたしました。",
        {
          facts: [
            ...contractFacts(matter),
            ["未確認のお支払い", `${language.date(periodAt(contract.startOn, detail.period).startsOn)}からの1か月分`],
          ],
        },
        "お支払いを確認できしだい、ご契約を再開いたします。",
        end,
      ],
    };
  },
  contract_running_again: (matter) => ({
    subject: `ご契約を再開いたしました（ご契約 ${matter.contractId}）`,
    blocks: [
      ...begin(matter),
      "お支払いを確認できましたので、停止していた次のご契約を再開いたしました。引き続きご利用ください。",
      { facts: contractFacts(matter) },
      end,
    ],
  }),
  contract_terminated: (matter) => ({
    subject: `ご解約の手続きが完了いたしました（ご契約 ${matter.contractId}）`,
    blocks: [
      ...begin(matter),
      "次のご契約を解約いたしました。今後のお支払いはございません。",
      { facts: contractFacts(matter) },
      "これまでのご利用、誠にありがとうございました。",
      end,
    ],
  }),
  contract_canceled: (matter) => {
    const { contractId, language, detail } = matter;
    const { refundMinor, owedMinor } = detail;
    const refund = refundMinor === 0 ? "ございません" : language.money(refundMinor);
    return {
      subject: `ご契約をキャンセルいたしました（ご契約 ${contractId}）`,
      blocks: [
        ...begin(matter),
        "次のご契約をキャンセルいたしました。今後のお支払いはございません。",
        { facts: [...contractFacts(matter), ["ご返金額", refund]] },
        ...refundWords(refundMinor, owedMinor, language),
        end,
      ],
    };
  },
};

function nextWords(next: NextAttempt): string {
  if (next === null) return "予定はありません";
  return next.hasPassed ? `${next.on}の予定でした` : next.on;
}

const suspendedUntilPaid = "お支払いを確認できるまで、このご契約を停止しております。";

/** 決済の失敗が、お客様にとってどうなったか。その後の請求書の状態、または認証待ちによる。 */
const failureWords = {
  open: {
    subject: "【重要】お支払いを完了できませんでした",
    sentence: "次のご契約のお支払いを、ご登録のクレジットカードで完了できませんでした。",
    suspended: suspendedUntilPaid,
    step: (next: NextAttempt) => {
      if (next === null) {
        return "自動での再決済の予定はございません。カードの有効期限やご利用限度額をご確認のうえ、お支払い方法を更新してください。";
      }
      return next.hasPassed
        ? "このメールのお届けは、その予定日より後になりました。お支払いについてその後のご連絡がまだの場合は、カードの有効期限やご利用限度額をご確認ください。"
        : `${next.on}に、もう一度決済を行います。それまでに、カードの有効期限やご利用限度額をご確認ください。`;
    },
  },
  confirm: {
    subject: "【重要】お支払いの本人認証をお願いいたします",
    sentence:
      "次のご契約のお支払いには、カード会社の本人認証（3Dセキュア）が必要です。認証が済むまで、お支払いは完了しません。",
    suspended: suspendedUntilPaid,
    step: () => "カード会社またはお支払い画面の案内に沿って、認証をお済ませください。",
  },
  paid: {
    subject: "一度完了できなかったお支払いが済みました",
    sentence: "次のご契約のお支払いを一度完了できませんでしたが、その後お支払いいただいております。",
    suspended: suspendedUntilPaid,
    step: () => "お手続きは不要です。",
  },
  over: {
    subject: "お支払いを完了できませんでした",
    sentence: "次のご契約のお支払いを、ご登録のクレジットカードで完了できませんでした。",
    suspended: "このご契約を停止しております。",
    step: () => "このお支払いのご請求は取りやめました。",
  },
} as const;

function refundWords(refundMinor: number, owedMinor: number, language: Language): readonly string[] {
  const isInPart = owedMinor < refundMinor;
  const byHand = isInPart
    ? `ご返金額のうち${language.money(owedMinor)}は、この方法ではお返しできないため、担当者よりあらためてご連絡いたします。`
    : "ご返金の方法については、担当者よりあらためてご連絡いたします。";
  return [
    ...(isInPart
      ? [
          "ご返金は、お支払いに使われたクレジットカードへ行います。明細に反映されるまで、数日から数週間かかることがあります。",
        ]
      : []),
    ...(owedMinor === 0 ? [] : [byHand]),
  ];
}
