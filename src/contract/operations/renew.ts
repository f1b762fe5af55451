import { z } from "zod";
import { type ContractRule, rejectStatus, schedule } from "../rule.ts";

const params = z.strictObject({ date: z.string() });

export const renew: ContractRule<typeof params> = {
  kind: "renew",
  subject: "contract",
  button: { ja: "契約の更新", en: "Renew" },
  actors: schedule,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
