import { z } from "zod";
import { type ContractRule, rejectStatus, schedule } from "../rule.ts";

const params = z.strictObject({ date: z.string() });

export const start: ContractRule<typeof params> = {
  kind: "start",
  subject: "contract",
  button: { ja: "契約開始", en: "Start" },
  actors: schedule,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
