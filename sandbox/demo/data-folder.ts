import { mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isAlive, isServerOf, readPostmasterFile } from "../postgres/postmaster-file.ts";
import { DemoRefused } from "./env.ts";

/** The demo's own data, laid out as KEIYAKU_DATA_DIR is, so that `npm start` can go on with it. */
export interface DataFolder {
  readonly path: string;
  readonly postgres: string;
  readonly stripe: string;
  readonly workerLog: string;
  /** The demo's contracts and requests with their dates of today. */
  readonly contracts: string;
  readonly requests: string;
  readonly comparison: string;
  /** Lets the next demo have it. The data stay. */
  release(): Promise<void>;
}

/**
 * Takes the folder for this run and empties it. A server that a killed run left over it is stopped first. Throws
 * {@link DemoRefused} while another demo runs over it.
 */
export async function takeDataFolder(path: string, say: (sentence: string) => void): Promise<DataFolder> {
  const lock = `${path}.lock`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await takeLock(lock);
  } catch (error) {
    throw explained(error, path);
  }
  try {
    await stopLeftServer(join(path, "postgres"), say);
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
    await mkdir(path);
    await mkdir(join(path, "stripe"));
  } catch (error) {
    await rm(lock, { force: true });
    throw explained(error, path);
  }
  return {
    path,
    postgres: join(path, "postgres"),
    stripe: join(path, "stripe", "state.ndjson"),
    workerLog: join(path, "worker.log"),
    contracts: join(path, "contracts.ndjson"),
    requests: join(path, "requests.ndjson"),
    comparison: join(path, "comparison.txt"),
    release: () => rm(lock, { force: true }),
  };
}

/** A folder that another user's run has made, root's for one, is in the way of this one. */
function explained(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "EACCES" && code !== "EPERM") return error;
  return new DemoRefused(
    `${path} cannot be emptied and used by this user (${code}): remove it, or name another folder with KEIYAKU_DATA_DIR.`,
  );
}

/** One demo at a time: a second one would take the data away under the first. */
async function takeLock(lock: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      const file = await open(lock, "wx");
      await file.writeFile(String(process.pid));
      await file.close();
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST") || tries > 3) throw error;
    }
    const pid = Number(await readFile(lock, "utf8").catch(() => ""));
    if (await isDemo(pid)) {
      throw new DemoRefused(`Another demo runs (process ${pid}): wait for its end, or stop it and run again.`);
    }
    await rm(lock, { force: true });
  }
}

/** Process ids are given out again: where the system tells what a process runs, one that is no demo does not count. */
async function isDemo(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid || !isAlive(pid)) return false;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
  return command === undefined || command.includes("demo");
}

/** A fast shutdown takes a fraction of a second without durability. */
const stopWithinMs = 10_000;

async function stopLeftServer(dataDir: string, say: (sentence: string) => void): Promise<void> {
  const file = await readPostmasterFile(dataDir);
  if (file === undefined || !(await isServerOf(dataDir, file.pid))) return;
  say(`Stopping the PostgreSQL that an earlier run left behind (process ${file.pid}).`);
  process.kill(file.pid, "SIGINT");
  const giveUpAt = performance.now() + stopWithinMs;
  while (isAlive(file.pid)) {
    if (performance.now() > giveUpAt) {
      throw new DemoRefused(
        `The PostgreSQL of an earlier run (process ${file.pid}) does not stop: end it and run again.`,
      );
    }
    await pause(50);
  }
}
