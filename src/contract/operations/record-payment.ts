import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordPayment: ContractRule<typeof params> = {
  kind: "record_payment",
  subject: "contract",
  button: { ja: "支払いの記録", en: "Record a payment" },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
