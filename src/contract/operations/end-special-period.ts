import { z } from "zod";
import { type ContractRule, rejectStatus, schedule } from "../rule.ts";

const params = z.strictObject({ date: z.string() });

export const endSpecialPeriod: ContractRule<typeof params> = {
  kind: "end_special_period",
  subject: "contract",
  button: { ja: "特別期間の終了", en: "End the special period" },
  actors: schedule,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
