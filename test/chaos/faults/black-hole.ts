import { setTimeout as pause } from "node:timers/promises";
import type { Fault } from "./fault.ts";

/** A worker's connections stay open and nothing comes through; what was sent meanwhile arrives late, all at once. */
export const blackHole: Fault = async (_world, { worker, random }) => {
  const wires = [worker.database, ...(worker.redis === undefined || random.chance(50) ? [] : [worker.redis])];
  for (const wire of wires) await wire.setMode("blackHole");
  await pause(random.between(1_500, 4_000));
  for (const wire of wires) if (wire.mode === "blackHole") await wire.setMode("pass");
};
