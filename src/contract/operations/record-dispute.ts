import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordDispute: ContractRule<typeof params> = {
  kind: "record_dispute",
  subject: "contract",
  button: { ja: "不審請求の申し立ての記録", en: "Record a dispute" },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
