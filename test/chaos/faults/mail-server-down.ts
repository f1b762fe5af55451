import { setTimeout as pause } from "node:timers/promises";
import type { Fault } from "./fault.ts";

/** Nobody takes mail for a while; after that the first mail is taken, and its answer lost. */
export const mailServerDown: Fault = async ({ servers: { mail } }, { random }) => {
  await mail.goAway();
  await pause(random.between(1_000, 3_000));
  await mail.comeBack();
};
