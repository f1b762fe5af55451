import { readdir, readFile } from "node:fs/promises";

/** A tick of the kernel's clock as `/proc` counts it; 100 a second on every Linux of today. */
const ticksPerSecond = 100;

/**
 * Seconds of processor time that a process has used, with its living children and those that have ended: of PostgreSQL's
 * postmaster, the whole server's. Null where the system does not tell.
 */
export async function processorSeconds(pid: number): Promise<number | null> {
  const own = await readStat(pid);
  if (own === undefined) return null;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = await Promise.all(pids.map(readStat));
  const children = all.filter((stat) => stat?.parent === pid);
  const ticks = own.ticks + own.endedTicks + children.reduce((sum, child) => sum + (child?.ticks ?? 0), 0);
  return ticks / ticksPerSecond;
}

interface Stat {
  readonly parent: number;
  readonly ticks: number;
  /** Of children that have ended and were waited for. */
  readonly endedTicks: number;
}

async function readStat(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseStat(text);
}

/** Reads a line of `/proc/PID/stat`. The second field is the program's name in parentheses, and may hold anything. */
export function parseStat(line: string): Stat {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const at = (field: number) => Number(fields[field - 3]);
  return { parent: at(4), ticks: at(14) + at(15), endedTicks: at(16) + at(17) };
}
