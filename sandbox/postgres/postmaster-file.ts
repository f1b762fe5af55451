import { readFile, readlink, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";

/** What a server writes into `postmaster.pid` of its data folder while it runs; a killed one leaves it there. */
export interface PostmasterFile {
  text: string;
  pid: number;
  /** `undefined` until the server listens. */
  port: number | undefined;
  /** True when the server says of itself that it accepts connections; false while it starts, recovers or stops. */
  isReady: boolean;
}

/** Reads it; `undefined` when there is none, or none that names a process yet. */
export async function readPostmasterFile(dataDir: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(dataDir, "postmaster.pid"), "utf8").catch(() => "");
  const lines = text.split("\n").map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const port = Number(lines[3]);
  return { text, pid, port: Number.isInteger(port) && port > 0 ? port : undefined, isReady: lines[7] === "ready" };
}

/**
 * Tells whether the process lives and is the server of this folder, as far as can be seen from outside.
 *
 * Process ids are given out again, soonest in containers, where a killed server's may belong to the next program. On Linux a
 * process tells its name to everybody and its folder to its own user and to root; what is not told counts as a yes.
 */
export async function isServerOf(dataDir: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform !== "linux") return true;
  const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => undefined);
  if (name !== undefined && name.trim() !== "postgres") return false;
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return folder === undefined ? isAlive(pid) : folder === (await realpath(dataDir));
}

/** True while a process with this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * Removes a file whose process id now is another program's; PostgreSQL would take that program for its own server and refuse to
 * start. A dead process's file is PostgreSQL's to judge, since its children may live on; one that changed since it was read
 * belongs to a server that has started meanwhile.
 */
export async function removeIfStale(dataDir: string, file: PostmasterFile): Promise<void> {
  if (!isAlive(file.pid)) return;
  const now = await readPostmasterFile(dataDir);
  if (now?.text === file.text) await rm(join(dataDir, "postmaster.pid"), { force: true });
}

/** How long a server on this machine may take to answer one small question. */
const ANSWER_WITHIN_MS = 5_000;

/**
 * Asks the server on the file's port for its own `postmaster.pid`: the same text proves that it is the server of this folder.
 * Gives whether it writes durably. Throws when nobody answers in time or somebody else does.
 */
export async function askServer(file: PostmasterFile): Promise<{ isDurable: boolean }> {
  if (file.port === undefined) throw new Error("it does not listen yet");
  const sql = postgres(`postgres://postgres@127.0.0.1:${file.port}/postgres`, { max: 1, onnotice: () => undefined });
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("it does not answer")), ANSWER_WITHIN_MS);
    });
    const question = sql<{ text: string; fsync: string }[]>`
      select pg_read_file('postmaster.pid') as text, current_setting('fsync') as fsync`;
    const [answer] = await Promise.race([question, late]);
    if (answer?.text !== file.text) throw new Error(`another server listens on port ${file.port}`);
    return { isDurable: answer.fsync === "on" };
  } finally {
    clearTimeout(timer);
    await sql.end({ timeout: 0 });
  }
}
