import { z } from "zod";
import { type ContractRule, rejectStatus, schedule } from "../rule.ts";

const params = z.strictObject({ date: z.string() });

export const releaseByProductMonth: ContractRule<typeof params> = {
  kind: "release_by_product_month",
  subject: "contract",
  button: { ja: "商品の年月指定による解約予約の解除", en: "Release by product month" },
  actors: schedule,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
