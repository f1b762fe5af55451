import { periodAt } from "../../contract/calendar.ts";
import type { Block } from "../letter.ts";
import type { CustomerMatter, CustomerTemplates } from "./template.ts";

type Addressed = Pick<CustomerMatter<"contract_terminated">, "name" | "contractId" | "contract">;

function begin({ name }: Addressed): readonly Block[] {
  return [`Dear ${name},`];
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
    const { attempt, nextAttemptAt, amountMinor, actionRequired, suspended } = detail;
    const next = nextAttemptAt === null ? "none is planned" : language.dateOf(nextAttemptAt);
    return {
      subject:
        actionRequired === 1
          ? `Please confirm your payment (contract ${contractId})`
          : `Your payment did not go through (contract ${contractId})`,
      blocks: [
        ...begin(matter),
        actionRequired === 1
          ? "Your card's issuer asks you to confirm the payment for this contract (3-D Secure). It cannot be completed before you do."
          : "We could not collect the payment for this contract from your credit card.",
        {
          facts: [
            ...contractFacts(matter),
            ...(amountMinor === null ? [] : ([["Amount", language.money(amountMinor)]] as const)),
            ...(attempt === 0 ? [] : ([["Attempt", `number ${attempt}`]] as const)),
            ["Next attempt", next],
          ],
        },
        ...(suspended === 1 ? ["Your contract is suspended until the payment arrives."] : []),
        nextStep(actionRequired === 1, nextAttemptAt === null ? null : next),
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
    const { contractId, contract, language, detail } = matter;
    const { refundMinor } = detail;
    const refund = refundMinor === 0 ? "nothing to refund" : language.money(refundMinor);
    return {
      subject: `Your contract has been cancelled (contract ${contractId})`,
      blocks: [
        ...begin(matter),
        "This contract has been cancelled. There will be no further charges.",
        { facts: [...contractFacts(matter), ["Refund", refund]] },
        ...(refundMinor === 0 ? [] : [refundWords(contract.paymentMethod === "card")]),
        end,
      ],
    };
  },
};

function nextStep(actionRequired: boolean, next: string | null): string {
  if (actionRequired) return "Please follow the instructions of your card's issuer or of the payment page.";
  return next === null
    ? "No further attempt will be made automatically. Please check your card's expiry date and limit, and update your payment method."
    : `We will try again on ${next}. Please check your card's expiry date and limit before then.`;
}

function refundWords(byCard: boolean): string {
  return byCard
    ? "The refund goes to the credit card that you paid with. It may take from a few days to a few weeks to appear on your statement."
    : "We will contact you about how the refund will be made.";
}
