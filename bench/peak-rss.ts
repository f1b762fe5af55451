import { readFile } from "node:fs/promises";

/** The most memory that a living process has had, in MiB; null where the system does not tell. */
export async function peakRssMiB({ pid }: { readonly pid: number }): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kiB = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kiB === undefined ? null : Number(kiB) / 1_024;
}
