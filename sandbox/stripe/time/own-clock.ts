import type { Core } from "../core/core.ts";
import { passTime } from "./pass-time.ts";

/** Moves that were asked for at the same time come one after the other: the last one of each stand-in. */
const moves = new WeakMap<Core, Promise<unknown>>();

/**
 * Moves the stand-in's own clock forward, letting everything happen that falls due on it. Keys that are a day old by then
 * are forgotten, and deliveries that are due are tried again.
 *
 * @param byMs how far, asked when it is this move's turn; throws for what is no way forward
 * @returns how many things happened
 */
export async function advanceOwnClock(core: Core, byMs: () => number): Promise<number> {
  const before = moves.get(core) ?? Promise.resolve();
  const move = before.then(() => moveBy(core, byMs()));
  moves.set(
    core,
    move.catch(() => undefined),
  );
  return move;
}

async function moveBy(core: Core, byMs: number): Promise<number> {
  const { state, webhooks } = core;
  const from = state.nowMs;
  const to = from + byMs;
  const happened = await passTime(core, null, Math.floor(from / 1000), Math.floor(to / 1000));
  // A clock that runs by itself has gone on meanwhile.
  if (to > state.nowMs) state.moveClock(to - state.nowMs);
  webhooks.deliverDue();
  return happened;
}
