import { periodAt } from "../../contract/calendar.ts";
import type { Block } from "../letter.ts";
import { nextAttemptOf, type OperatorMatter, type OperatorTemplates, showContract } from "./template.ts";

type About = Pick<OperatorMatter<"contract_terminated">, "contractId" | "contract">;

function contractFacts({ contractId, contract }: About): readonly (readonly [string, string])[] {
  if (contractId === null) return [];
  return [["Contract", contractId], ...(contract === null ? [] : ([["Product", contract.productId]] as const))];
}

function begin(subject: string, contractId: string | null): string {
  return `[keiyaku] ${subject}${contractId === null ? "" : `: ${contractId}`}`;
}

const othersOfTheDay = "Others of the same type and day may wait, too; they are told by no mails of their own.";

const customerWasTold = "The customer is told by a mail of their own.";

/** Mails to the operators. */
export const operatorsEn: OperatorTemplates = {
  payment_failed: (matter) => {
    const { contractId, language, detail } = matter;
    const { invoiceId, attempt, invoice, amountMinor, actionRequired, suspended } = detail;
    const next = nextAttemptOf(matter);
    return {
      subject: begin(actionRequired === 1 ? "3-D Secure required" : "Payment failed", contractId),
      blocks: [
        actionRequired === 1
          ? "The customer has to confirm a payment by card (3-D Secure)."
          : "A payment could not be collected by card.",
        {
          facts: [
            ...contractFacts(matter),
            ["Invoice", invoiceId],
            ["Invoice now", invoicesNow[invoice]],
            ["Amount", language.money(amountMinor)],
            ["Attempt", attempt === 0 ? "none yet" : String(attempt)],
            [
              "Next attempt",
              next === null ? "none" : next.hasPassed ? `was planned for ${next.on}, before this was sent` : next.on,
            ],
            ["Contract suspended", suspended === 1 ? "by this failure" : "not by this failure"],
          ],
        },
        customerWasTold,
        invoice === "open" && next === null && actionRequired === 0
          ? "Stripe will not try again. Unless the customer acts, the contract ends as Stripe is set to."
          : invoice === "open"
            ? "There is nothing to do: Stripe will report what becomes of it."
            : "There is nothing to do.",
        ...showContract(contractId),
      ],
    };
  },
  contract_suspended: (matter) => {
    const { contractId, contract, language, detail } = matter;
    const startsOn = contract === null ? null : language.date(periodAt(contract.startOn, detail.period).startsOn);
    const isByHand = contract !== null && contract.paymentMethod !== "card";
    return {
      subject: begin("Contract suspended", contractId),
      blocks: [
        "A payment is missing, so the contract was suspended.",
        {
          facts: [
            ...contractFacts(matter),
            ["Unpaid period", startsOn === null ? `${detail.period}` : `${detail.period} (from ${startsOn})`],
          ],
        },
        customerWasTold,
        ...(isByHand
          ? ["Once the money is there, let it run again.", { command: `keiyaku request resume ${contractId}` }]
          : ["It runs again by itself once Stripe has collected the payment."]),
        ...showContract(contractId),
      ],
    };
  },
  contract_running_again: (matter) => ({
    subject: begin("Contract running again", matter.contractId),
    blocks: [
      "The payment has arrived, and the contract, which was suspended, is running again.",
      { facts: contractFacts(matter) },
      customerWasTold,
      "There is nothing to do.",
      ...showContract(matter.contractId),
    ],
  }),
  contract_terminated: (matter) => ({
    subject: begin("Contract terminated", matter.contractId),
    blocks: [
      "The contract has been terminated.",
      { facts: contractFacts(matter) },
      customerWasTold,
      "There is nothing to do.",
      ...showContract(matter.contractId),
    ],
  }),
  contract_canceled: (matter) => {
    const { contractId, language, detail } = matter;
    const { refundMinor, owedMinor } = detail;
    return {
      subject: begin("Contract cancelled", contractId),
      blocks: [
        "The contract has been cancelled.",
        { facts: [...contractFacts(matter), ["Refund", refundMinor === 0 ? "none" : language.money(refundMinor)]] },
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
      subject: begin("Stripe refused a refund", contractId),
      blocks: [
        "Stripe refused to refund. The money is still owed.",
        {
          facts: [
            ...contractFacts(matter),
            ["Refunds refused", String(detail.refunds)],
            ["Owed in all", language.money(detail.owedMinor)],
          ],
        },
        "Find out why. Ask for refund_payment again once Stripe can make it, or pay it back by another way and record that.",
        ...owedCommands(contractId),
      ],
    };
  },
  refund_failed: (matter) => {
    const { contractId, language, detail } = matter;
    return {
      subject: begin("A refund failed afterwards", contractId),
      blocks: [
        "A refund that had been accepted has failed afterwards. The money is still owed.",
        {
          facts: [
            ...contractFacts(matter),
            ["Refund at Stripe", detail.stripeRefundId],
            ["Amount", language.money(detail.amountMinor)],
          ],
        },
        "Most often the card is gone: ask the customer for another way, pay it back and record that.",
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
            ["Dispute", detail.disputeId],
            ["Payment", detail.paymentIntentId],
            ["Amount", detail.amountMinor === 0 ? "unknown (no recorded payment)" : language.money(detail.amountMinor)],
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
      subject: begin("Money for a contract that has ended", contractId),
      blocks: [
        "A payment came for a contract that has ended or was deleted.",
        {
          facts: [
            ...contractFacts(matter),
            ["Payment at Stripe", detail.source],
            ["Received", language.money(detail.amountMinor)],
            ["Refunded", detail.refundMinor === 0 ? "nothing" : language.money(detail.refundMinor)],
          ],
        },
        detail.refundMinor === 0
          ? "It was not refunded. Decide whether it is to be."
          : "The refund goes through Stripe; if Stripe refuses it, you are told by another mail.",
        ...showContract(contractId),
      ],
    };
  },
  subscription_odd: (matter) => {
    const { contractId, detail } = matter;
    return {
      subject: begin("Look at a subscription at Stripe", contractId),
      blocks: [
        "The subscription is in a state in which nothing is charged any more.",
        {
          facts: [
            ...contractFacts(matter),
            ["Subscription", detail.subscriptionId],
            ["Status at Stripe", detail.stripeSubscriptionStatus],
          ],
        },
        "See in Stripe's dashboard that a subscription is set to be cancelled after its last retry has failed; set otherwise, its contract never ends.",
        ...showContract(contractId),
        { command: "keiyaku doctor" },
      ],
    };
  },
  operation_held: (matter) => {
    const { contractId, detail } = matter;
    const { operationId } = detail;
    return {
      subject: begin("An operation waits for a decision", contractId),
      blocks: [
        "An operation is held. Until it is decided, people's new requests for this contract are rejected.",
        { facts: [...contractFacts(matter), ["Operation", operationId], ["Question", detail.question]] },
        "See what happened. Let it be tried again if the cause is gone; abandon it if it is not to be done any more.",
        { command: `keiyaku operation show ${operationId}` },
        { command: `keiyaku operation retry ${operationId} --reason "…"` },
        { command: `keiyaku operation abandon ${operationId} --reason "…"` },
      ],
    };
  },
  event_unmatched: ({ contractId, contract, detail }) => ({
    subject: begin("An event without a contract", contractId),
    blocks: [
      "No contract was found for an event of Stripe's, although it has waited for one for a while.",
      {
        facts: [...contractFacts({ contractId, contract }), ...eventFacts(detail), ["About", detail.reference]],
      },
      "If it is a contract's, register the contract: its events are then applied by themselves. If it belongs to something else that the account bills for, ignore it; the setting STRIPE_OWN_METADATA does that for all.",
      othersOfTheDay,
      ...eventCommands(detail.eventId),
    ],
  }),
  event_held: ({ contractId, contract, detail }) => ({
    subject: begin("An event cannot be applied", contractId),
    blocks: [
      "An event of Stripe's could not be applied.",
      { facts: [...contractFacts({ contractId, contract }), ...eventFacts(detail), ["Reason", detail.reason]] },
      "See what it says, remove the cause, and replay it.",
      othersOfTheDay,
      ...eventCommands(detail.eventId),
    ],
  }),
};

const throughStripe = "The refund goes through Stripe; if it fails there afterwards, you are told by another mail.";

function byHand(money: string): string {
  return `${money} does not go through Stripe, or was refused there: pay it back by hand, then record it.`;
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
    ["Event", eventId],
    ["Type", eventType],
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
  open: "to be paid",
  paid: "paid since",
  over: "asked for no longer",
} as const;

const disputeSubjects = {
  inquiry: "A payment is asked about",
  inquiry_closed: "An inquiry was closed",
  open: "A payment is disputed",
  won: "A dispute was won",
  lost: "A dispute was lost",
} as const;

const disputeSentences = {
  inquiry: "The customer's card issuer asks about a payment. It is not disputed yet, and no money has gone.",
  inquiry_closed: "The card issuer's inquiry about a payment was closed: the money stays.",
  open: "The customer's card issuer disputes a payment.",
  won: "The dispute was decided for us: the money stays.",
  lost: "The dispute was decided for the customer: the money went back to them.",
} as const;

const disputeSteps = {
  inquiry: "Answer in Stripe's dashboard before the deadline there: without an answer it may become a dispute.",
  inquiry_closed: "There is nothing to do.",
  open: "Hand in evidence in Stripe's dashboard before the deadline there, or accept the dispute.",
  won: "There is nothing to do.",
  lost: "This payment cannot be refunded any more. Decide whether its license is to stay.",
} as const;
