import { setTimeout as pause } from "node:timers/promises";
import type { Fault } from "./fault.ts";

/** The next events are never sent: only Stripe's list has them. */
export const webhooksLost: Fault = ({ servers: { stripe } }, { random }) =>
  stripe.control.disturbDeliveries({ mode: "lose", times: random.between(3, 8) });

/** The next events are sent three times. */
export const webhooksDoubled: Fault = ({ servers: { stripe } }, { random }) =>
  stripe.control.disturbDeliveries({ mode: "duplicate", copies: 2, times: random.between(3, 8) });

/** Events pile up, and come the last first. */
export const webhooksShuffled: Fault = async ({ servers: { stripe } }, { random }) => {
  await stripe.control.holdDeliveries();
  await pause(random.between(800, 2_500));
  await stripe.control.releaseDeliveries({ order: "reversed" });
};
