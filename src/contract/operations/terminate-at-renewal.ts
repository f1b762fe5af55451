import { z } from "zod";
import { type ContractRule, rejectStatus, schedule } from "../rule.ts";

const params = z.strictObject({ date: z.string() });

export const terminateAtRenewal: ContractRule<typeof params> = {
  kind: "terminate_at_renewal",
  subject: "contract",
  button: { ja: "更新日の解約", en: "Terminate at renewal" },
  actors: schedule,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
