import { periodAt } from "../../contract/calendar.ts";
import type { Language } from "../language.ts";
import type { Block } from "../letter.ts";
import { type CustomerMatter, type CustomerTemplates, type NextAttempt, nextAttemptOf } from "./template.ts";

type Addressed = Pick<CustomerMatter<"contract_terminated">, "name" | "contractId" | "contract">;

function begin({ name }: Addressed): readonly Block[] {
  return [`Dear ${name === "" ? "customer" : name},`];
}

function contractFacts({ contractId, contract }: Addressed): readonly (readonly [string, string])[] {
  return [
    ["Contract", contractId],
    ["Product", contract.productId],
  ];
}

const end =
  "This message was sent automatically; replies to it are not read. If you have questions, please contact the service where you signed up.";

/** Mails to customers. */
export const customerEn: CustomerTemplates = {
  payment_failed: (matter) => {
    const { contractId, language, detail } = matter;
    const { attempt, invoice, amountMinor, actionRequired, suspended } = detail;
    const next = nextAttemptOf(matter);
    const words = failureWords[actionRequired === 1 ? "confirm" : invoice];
    return {
      subject: `${words.subject} (contract ${contractId})`,
      blocks: [
        ...begin(matter),
        words.sentence,
        {
          facts: [
            ...contractFacts(matter),
            ["Amount", language.money(amountMinor)],
            ...(attempt === 0 ? [] : ([["Attempt", `number ${attempt}`]] as const)),
            ...(invoice === "open" ? ([["Next attempt", nextWords(next)]] as const) : []),
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
      subject: `Your contract is suspended (contract ${contractId})`,
      blocks: [
        ...begin(matter),
        "A payment for this contract is missing, so we have suspended it.",
        {
          facts: [
            ...contractFacts(matter),
            ["Missing payment", `the month from ${language.date(periodAt(contract.startOn, detail.period).startsOn)}`],
          ],
        },
        "It will run again once the payment arrives.",
        end,
      ],
    };
  },
  contract_running_again: (matter) => ({
    subject: `Your contract is running again (contract ${matter.contractId})`,
    blocks: [
      ...begin(matter),
      "Your payment has arrived, and this contract, which was suspended, is running again.",
      { facts: contractFacts(matter) },
      end,
    ],
  }),
  contract_terminated: (matter) => ({
    subject: `Your contract has ended (contract ${matter.contractId})`,
    blocks: [
      ...begin(matter),
      "This contract has ended. There will be no further charges.",
      { facts: contractFacts(matter) },
      "Thank you for having been with us.",
      end,
    ],
  }),
  contract_canceled: (matter) => {
    const { contractId, language, detail } = matter;
    const { refundMinor, owedMinor } = detail;
    const refund = refundMinor === 0 ? "nothing to refund" : language.money(refundMinor);
    return {
      subject: `Your contract has been cancelled (contract ${contractId})`,
      blocks: [
        ...begin(matter),
        "This contract has been cancelled. There will be no further charges.",
        { facts: [...contractFacts(matter), ["Refund", refund]] },
        ...refundWords(refundMinor, owedMinor, language),
        end,
      ],
    };
  },
};

function nextWords(next: NextAttempt): string {
  if (next === null) return "none is planned";
  return next.hasPassed ? `was planned for ${next.on}` : next.on;
}

const suspendedUntilPaid = "Your contract is suspended until the payment arrives.";

/** What a failed attempt comes to for the customer: by what has become of its invoice, or that it waits for them to confirm it. */
const failureWords = {
  open: {
    subject: "Your payment did not go through",
    sentence: "We could not collect the payment for this contract from your credit card.",
    suspended: suspendedUntilPaid,
    step: (next: NextAttempt) => {
      if (next === null) {
        return "No further attempt will be made automatically. Please check your card's expiry date and limit, and update your payment method.";
      }
      return next.hasPassed
        ? "This message could only be sent after that date. Please check your card's expiry date and limit, unless you have heard of your payment since."
        : `We will try again on ${next.on}. Please check your card's expiry date and limit before then.`;
    },
  },
  confirm: {
    subject: "Please confirm your payment",
    sentence:
      "Your card's issuer asks you to confirm the payment for this contract (3-D Secure). It cannot be completed before you do.",
    suspended: suspendedUntilPaid,
    step: () => "Please follow the instructions of your card's issuer or of the payment page.",
  },
  paid: {
    subject: "A payment that did not go through at first has been made",
    sentence: "We could not collect the payment for this contract at one attempt. It has been made since.",
    suspended: suspendedUntilPaid,
    step: () => "There is nothing for you to do.",
  },
  over: {
    subject: "Your payment did not go through",
    sentence: "We could not collect the payment for this contract from your credit card.",
    suspended: "Your contract is suspended.",
    step: () => "We no longer ask for this payment.",
  },
} as const;

function refundWords(refundMinor: number, owedMinor: number, language: Language): readonly string[] {
  const isInPart = owedMinor < refundMinor;
  const byHand = isInPart
    ? `Of the refund, ${language.money(owedMinor)} cannot go that way: we will contact you about how it will be made.`
    : "We will contact you about how the refund will be made.";
  return [
    ...(isInPart
      ? [
          "The refund goes to the credit card that you paid with. It may take from a few days to a few weeks to appear on your statement.",
        ]
      : []),
    ...(owedMinor === 0 ? [] : [byHand]),
  ];
}
