import type { Fault } from "./fault.ts";

/** All machines stand still for a minute and a half, as when a host is suspended, and go on where they stood. */
export const timeLeapt: Fault = async ({ time }) => {
  await time.leap(0);
  await time.sweep();
};
