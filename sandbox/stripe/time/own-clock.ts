import type { Core } from "../core/core.ts";
import { passTime } from "./pass-time.ts";

/**
 * Moves the stand-in's own clock forward, letting everything happen that falls due on it. Keys that are a day old by then
 * are forgotten, and deliveries that are due are tried again.
 *
 * @returns how many things happened
 */
export function advanceOwnClock({ state, webhooks }: Core, byMs: number): number {
  const from = state.nowMs;
  const to = from + byMs;
  const happened = passTime(state, null, Math.floor(from / 1000), Math.floor(to / 1000));
  state.moveClock(byMs);
  webhooks.deliverDue();
  return happened;
}
