import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordRefund: ContractRule<typeof params> = {
  kind: "record_refund",
  subject: "contract",
  button: { ja: "返金の記録", en: "Record a refund" },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
