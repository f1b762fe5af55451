import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordRefund: ContractRule<typeof params> = {
  kind: "record_refund",
  subject: "contract",
  button: { ja: "返金の記録", en: "Record a refund" },
  summary: {
    ja: "Stripe上の返金の状況を、返金の記録に反映します。",
    en: "The refund ledger follows Stripe, refunds made on its dashboard and late failures included.",
  },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
