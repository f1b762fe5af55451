import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordDispute: ContractRule<typeof params> = {
  kind: "record_dispute",
  subject: "contract",
  button: { ja: "不審請求の申し立ての記録", en: "Record a dispute" },
  summary: {
    ja: "不審請求の申し立ての状況を、支払いに記録します。",
    en: "A dispute is noted on its payment; one that is lost makes it unrefundable.",
  },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
