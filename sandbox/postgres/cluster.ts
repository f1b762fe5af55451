import { chown, lchown, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isAlive } from "./postmaster-file.ts";
import { startProgram, waitForExit } from "./programs.ts";
import { lastLines, openServerLog } from "./server-log.ts";
import { type ServerUser, WAY_OUT } from "./server-user.ts";

export interface ClusterOptions {
  dataDir: string;
  binDir: string;
  user: ServerUser | undefined;
  durable: boolean;
}

/**
 * Makes the data folder's files unless they are there, and sees to it that they belong to the server's user.
 *
 * They are made in a passing folder beside it, which is then renamed: a process killed halfway leaves no half-made data, and of
 * several that make them at the same time one wins and the others use what it made.
 */
export async function ensureCluster(options: ClusterOptions): Promise<void> {
  const { dataDir, user } = options;
  await mkdir(dirname(dataDir), { recursive: true });
  if (!(await isCluster(dataDir))) await createCluster(options);
  if (user !== undefined && (await stat(dataDir)).uid !== user.uid) await giveTo(user, dataDir);
}

async function isCluster(dataDir: string): Promise<boolean> {
  const entries: string[] = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (entries.length === 0 || entries.includes("PG_VERSION")) return entries.length > 0;
  throw new Error(`${dataDir} is not empty and holds no PostgreSQL data; name another folder. Or: ${WAY_OUT}`);
}

async function createCluster({ dataDir, binDir, user, durable }: ClusterOptions): Promise<void> {
  await removeLeftovers(dataDir);
  const passing = await mkdtemp(`${passingPrefix(dataDir)}${process.pid}-`);
  try {
    if (user !== undefined) await chown(passing, user.uid, user.gid);
    await initdb(passing, { binDir, user, durable });
    await rename(passing, dataDir).catch(async (error) => {
      if (!(await isCluster(dataDir))) throw error;
    });
  } finally {
    await rm(passing, { recursive: true, force: true });
  }
}

/** `initdb` takes a second or two; a minute and a half says that the disk or the machine is not able to. */
const INITDB_WITHIN_MS = 90_000;

async function initdb(dataDir: string, { binDir, user, durable }: Omit<ClusterOptions, "dataDir">): Promise<void> {
  const log = await openServerLog(`${dataDir}.log`);
  try {
    const args = ["--username=postgres", "--auth=trust", "--no-instructions", "--encoding=UTF8", localeArgument()];
    if (!durable) args.push("--no-sync");
    const child = await startProgram({ binDir, program: "initdb", args, dataDir, user, output: log.fd });
    const timer = setTimeout(() => child.kill("SIGKILL"), INITDB_WITHIN_MS);
    const ending = await waitForExit(child).finally(() => clearTimeout(timer));
    if (ending !== 0) throw explainFailure(ending, await log.read());
  } finally {
    await log.close();
    await rm(`${dataDir}.log`, { force: true });
  }
}

/** Said always: where LANG is unset, as in cron and in containers, `initdb` would else choose SQL_ASCII. Older macOS has no C.UTF-8. */
function localeArgument(): string {
  return process.platform === "darwin" ? "--locale=C" : "--locale=C.UTF-8";
}

function explainFailure(ending: number | string, text: string): Error {
  if (text.includes("could not look up effective user ID")) {
    return new Error(
      `PostgreSQL needs a user with a name, and user ${process.getuid?.()} has no entry in /etc/passwd. ${WAY_OUT}\n${lastLines(text)}`,
    );
  }
  return new Error(`PostgreSQL's data could not be made: initdb ended with ${ending} and said:\n${lastLines(text)}`);
}

function passingPrefix(dataDir: string): string {
  return join(dirname(dataDir), `.${basename(dataDir)}-made-by-`);
}

/** Removes what processes that were killed meanwhile had begun. */
async function removeLeftovers(dataDir: string): Promise<void> {
  const prefix = basename(passingPrefix(dataDir));
  for (const name of await readdir(dirname(dataDir))) {
    if (!name.startsWith(prefix) || isAlive(Number.parseInt(name.slice(prefix.length), 10))) continue;
    await rm(join(dirname(dataDir), name), { recursive: true, force: true });
  }
}

async function giveTo(user: ServerUser, folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) {
    await lchown(join(folder, entry), user.uid, user.gid);
  }
  await chown(folder, user.uid, user.gid);
}
