import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordPayment: ContractRule<typeof params> = {
  kind: "record_payment",
  subject: "contract",
  button: { ja: "支払いの記録", en: "Record a payment" },
  summary: {
    ja: "Stripeが報告した支払いを記録します。停止中の契約は、当月分が支払われれば再開します。",
    en: "Stripe reports a payment: it is recorded with its license, and a suspended contract runs again when its current period is paid.",
  },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
