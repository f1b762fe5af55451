import { periodAt } from "../../contract/calendar.ts";
import type { Block } from "../letter.ts";
import { nextAttemptOf, type OperatorMatter, type OperatorTemplates, showContract } from "./template.ts";

type About = Pick<OperatorMatter<"contract_terminated">, "contractId" | "contract">;

function contractFacts({ contractId, contract }: About): readonly (readonly [string, string])[] {
  if (contractId === null) return [];
  return [["契約", contractId], ...(contract === null ? [] : ([["商品", contract.productId]] as const))];
}

function begin(subject: string, contractId: string | null): string {
  return `[keiyaku] ${subject}${contractId === null ? "" : `: ${contractId}`}`;
}

const othersOfTheDay =
  "同じ日の同じ種類のイベントがほかにも待っていることがあります。それらについては個別にお知らせしません。";

const customerWasTold = "お客様にもメールでお知らせしています。";

/** 運用担当者あてのメール。 */
export const operatorsJa: OperatorTemplates = {
  payment_failed: (matter) => {
    const { contractId, language, detail } = matter;
    const { invoiceId, attempt, invoice, amountMinor, actionRequired, suspended } = detail;
    const next = nextAttemptOf(matter);
    return {
      subject: begin(actionRequired === 1 ? "3Dセキュアの認証待ち" : "決済失敗", contractId),
      blocks: [
        actionRequired === 1
          ? "カードの決済に、お客様の本人認証（3Dセキュア）が必要です。"
          : "カードの決済に失敗しました。",
        {
          facts: [
            ...contractFacts(matter),
            ["請求書", invoiceId],
            ["現在の請求", invoicesNow[invoice]],
            ["金額", language.money(amountMinor)],
            ["決済の回数", attempt === 0 ? "まだありません" : `${attempt}回目`],
            [
              "次回の決済",
              next === null ? "予定なし" : next.hasPassed ? `${next.on}の予定（送信時点で経過）` : next.on,
            ],
            ["契約の停止", suspended === 1 ? "この失敗により停止" : "この失敗では変更なし"],
          ],
        },
        customerWasTold,
        invoice === "open" && next === null && actionRequired === 0
          ? "Stripeは再決済を行いません。お客様の手続きがなければ、Stripeの設定に従って契約が終わります。"
          : invoice === "open"
            ? "対応は不要です。再決済の結果はStripeから届きます。"
            : "対応は不要です。",
        ...showContract(contractId),
      ],
    };
  },
  contract_suspended: (matter) => {
    const { contractId, contract, language, detail } = matter;
    const startsOn = contract === null ? null : language.date(periodAt(contract.startOn, detail.period).startsOn);
    const isByHand = contract !== null && contract.paymentMethod !== "card";
    return {
      subject: begin("契約を停止しました", contractId),
      blocks: [
        "支払いを確認できないため、契約を停止しました。",
        {
          facts: [
            ...contractFacts(matter),
            ["未払いの期間", startsOn === null ? `第${detail.period}期` : `第${detail.period}期（${startsOn}から）`],
          ],
        },
        customerWasTold,
        ...(isByHand
          ? ["入金を確認したら、停止を解除してください。", { command: `keiyaku request resume ${contractId}` }]
          : ["Stripeで支払いが完了すれば、契約は自動で再開します。"]),
        ...showContract(contractId),
      ],
    };
  },
  contract_running_again: (matter) => ({
    subject: begin("契約を再開しました", matter.contractId),
    blocks: [
      "支払いを確認できたため、停止していた契約を再開しました。",
      { facts: contractFacts(matter) },
      customerWasTold,
      "対応は不要です。",
      ...showContract(matter.contractId),
    ],
  }),
  contract_terminated: (matter) => ({
    subject: begin("契約を解約しました", matter.contractId),
    blocks: [
      "契約が解約になりました。",
      { facts: contractFacts(matter) },
      customerWasTold,
      "対応は不要です。",
      ...showContract(matter.contractId),
    ],
  }),
  contract_canceled: (matter) => {
    const { contractId, language, detail } = matter;
    const { refundMinor, owedMinor } = detail;
    return {
      subject: begin("契約をキャンセルしました", contractId),
      blocks: [
        "契約をキャンセルしました。",
        { facts: [...contractFacts(matter), ["返金額", refundMinor === 0 ? "なし" : language.money(refundMinor)]] },
        customerWasTold,
        ...(owedMinor < refundMinor ? [throughStripe] : []),
        ...(owedMinor === 0 ? [] : [byHand(language.money(owedMinor)), ...owedCommands(contractId)]),
        ...showContract(contractId),
      ],
    };
  },
  refund_refused: (matter) => {
    const { contractId, language, detail } = matter;
    return {
      subject: begin("Stripeが返金を拒否しました", contractId),
      blocks: [
        "Stripeが返金を拒否しました。返金はまだ済んでいません。",
        {
          facts: [
            ...contractFacts(matter),
            ["拒否された返金", `${detail.refunds}件`],
            ["未返金の合計", language.money(detail.owedMinor)],
          ],
        },
        "理由を確かめ、Stripeで返金できるようになったら部分返金をもう一度依頼するか、別の方法で返金して記録してください。",
        ...owedCommands(contractId),
      ],
    };
  },
  refund_failed: (matter) => {
    const { contractId, language, detail } = matter;
    return {
      subject: begin("返金があとから失敗しました", contractId),
      blocks: [
        "受け付けられた返金が、あとから失敗しました。返金はまだ済んでいません。",
        {
          facts: [
            ...contractFacts(matter),
            ["Stripeの返金", detail.stripeRefundId],
            ["金額", language.money(detail.amountMinor)],
          ],
        },
        "カードが使えなくなっていることが多いため、お客様に別の返金方法を確かめ、返金して記録してください。",
        ...owedCommands(contractId),
      ],
    };
  },
  payment_disputed: (matter) => {
    const { contractId, language, detail } = matter;
    return {
      subject: begin(disputeSubjects[detail.state], contractId),
      blocks: [
        disputeSentences[detail.state],
        {
          facts: [
            ...contractFacts(matter),
            ["申し立て", detail.disputeId],
            ["支払い", detail.paymentIntentId],
            ["金額", detail.amountMinor === 0 ? "不明（記録にない支払いです）" : language.money(detail.amountMinor)],
          ],
        },
        disputeSteps[detail.state],
        ...showContract(contractId),
      ],
    };
  },
  late_payment: (matter) => {
    const { contractId, language, detail } = matter;
    return {
      subject: begin("終了した契約への入金", contractId),
      blocks: [
        "終了または削除された契約に、あとから入金がありました。",
        {
          facts: [
            ...contractFacts(matter),
            ["Stripeの支払い", detail.source],
            ["入金額", language.money(detail.amountMinor)],
            ["返金額", detail.refundMinor === 0 ? "なし" : language.money(detail.refundMinor)],
          ],
        },
        detail.refundMinor === 0
          ? "自動の返金は行っていません。返金するかどうかを決めてください。"
          : "返金はStripeを通して行います。拒否された場合は、別のメールでお知らせします。",
        ...showContract(contractId),
      ],
    };
  },
  subscription_odd: (matter) => {
    const { contractId, detail } = matter;
    return {
      subject: begin("Stripeのサブスクリプションの状態を確認してください", contractId),
      blocks: [
        "サブスクリプションが、請求の行われない状態になっています。",
        {
          facts: [
            ...contractFacts(matter),
            ["サブスクリプション", detail.subscriptionId],
            ["Stripeの状態", detail.stripeSubscriptionStatus],
          ],
        },
        "Stripeのダッシュボードで、最後の再決済に失敗したサブスクリプションが「キャンセル」になる設定を確かめてください。それ以外の設定では、契約が終わりません。",
        ...showContract(contractId),
        { command: "keiyaku doctor" },
      ],
    };
  },
  operation_held: (matter) => {
    const { contractId, detail } = matter;
    const { operationId } = detail;
    return {
      subject: begin("契約操作が判断を待っています", contractId),
      blocks: [
        "契約操作が保留になりました。決まるまで、この契約への新しい依頼は受け付けられません。",
        { facts: [...contractFacts(matter), ["契約操作", operationId], ["問い", detail.question]] },
        "経緯を確かめ、原因がなくなっていればもう一度試し、不要であれば取りやめてください。",
        { command: `keiyaku operation show ${operationId}` },
        { command: `keiyaku operation retry ${operationId} --reason "…"` },
        { command: `keiyaku operation abandon ${operationId} --reason "…"` },
      ],
    };
  },
  event_unmatched: ({ contractId, contract, detail }) => ({
    subject: begin("契約の見つからないイベント", contractId),
    blocks: [
      "Stripeから届いたイベントに対応する契約が、しばらく待っても見つかりませんでした。",
      {
        facts: [...contractFacts({ contractId, contract }), ...eventFacts(detail), ["対象", detail.reference]],
      },
      "契約のものであれば、契約を登録してください。イベントは自動で適用されます。同じStripeアカウントの別の商品のものであれば、対象外にしてください。設定STRIPE_OWN_METADATAを使うと、まとめて対象外にできます。",
      othersOfTheDay,
      ...eventCommands(detail.eventId),
    ],
  }),
  event_held: ({ contractId, contract, detail }) => ({
    subject: begin("適用できないイベント", contractId),
    blocks: [
      "Stripeから届いたイベントを適用できませんでした。",
      { facts: [...contractFacts({ contractId, contract }), ...eventFacts(detail), ["理由", detail.reason]] },
      "内容を確かめ、原因を取り除いてから再適用してください。",
      othersOfTheDay,
      ...eventCommands(detail.eventId),
    ],
  }),
};

const throughStripe = "返金はStripeを通して行います。あとで失敗した場合は、別のメールでお知らせします。";

function byHand(money: string): string {
  return `${money}は、Stripeを通さない返金か、Stripeに拒否された返金です。手作業で返金したら記録してください。`;
}

function owedCommands(contractId: string | null): readonly Block[] {
  if (contractId === null) return [{ command: "keiyaku owed" }];
  return [
    { command: `keiyaku owed --contract ${contractId}` },
    { command: `keiyaku request record_manual_refund ${contractId} --param refundId=… --reason "…"` },
  ];
}

function eventFacts({ eventId, eventType }: { readonly eventId: string; readonly eventType: string }) {
  return [
    ["イベント", eventId],
    ["種類", eventType],
  ] as const;
}

function eventCommands(eventId: string): readonly Block[] {
  return [
    { command: "keiyaku event list --state unmatched held" },
    { command: `keiyaku event show ${eventId}` },
    { command: `keiyaku event replay ${eventId} --reason "…"` },
    { command: `keiyaku event ignore ${eventId} --reason "…"` },
  ];
}

const invoicesNow = {
  open: "未払い",
  paid: "その後支払い済み",
  over: "請求は終わっています",
} as const;

const disputeSubjects = {
  inquiry: "支払いへの照会",
  inquiry_closed: "支払いへの照会が終わりました",
  open: "不審請求の申し立て",
  won: "申し立ては認められませんでした",
  lost: "申し立てが認められました",
} as const;

const disputeSentences = {
  inquiry: "お客様のカード会社から、支払いについて照会がありました。まだ申し立てではなく、入金はそのままです。",
  inquiry_closed: "支払いについてのカード会社の照会が終わりました。入金はそのままです。",
  open: "お客様のカード会社が、支払いに異議を申し立てました。",
  won: "支払いへの申し立ては認められず、入金はそのままです。",
  lost: "支払いへの申し立てが認められ、代金はお客様に戻りました。",
} as const;

const disputeSteps = {
  inquiry: "期限までに、Stripeのダッシュボードで回答してください。回答がなければ、申し立てになることがあります。",
  inquiry_closed: "対応は不要です。",
  open: "期限までに、Stripeのダッシュボードで証拠を提出するか、申し立てを受け入れてください。",
  won: "対応は不要です。",
  lost: "この支払いはもう返金できません。ライセンスを残すかどうかを決めてください。",
} as const;
