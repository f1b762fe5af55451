import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { canReach, type ServerUser, WAY_OUT } from "./server-user.ts";

export interface ProgramOptions {
  binDir: string;
  program: "initdb" | "postgres";
  args: readonly string[];
  dataDir: string;
  user: ServerUser | undefined;
  /** File descriptor for what the program says. */
  output: number;
}

/**
 * Starts a program of the server over the data folder and gives it once it runs; rejects with a sentence when it cannot be run.
 *
 * It runs under the given user, in a process group of its own (Ctrl-C in the terminal is meant for its starter, which stops it
 * last), with an environment of one variable: `LC_ALL=C` makes it speak the English that we read, and nothing of the caller's
 * environment, secrets above all, goes along. What it writes goes to a file, so no pipe ties the two processes' lives together.
 */
export async function startProgram(options: ProgramOptions): Promise<ChildProcess> {
  const folder = await nameDataDir(options.dataDir, options.user);
  try {
    const extra = folder.handle === undefined ? [] : [folder.handle.fd];
    const settings: SpawnOptions = {
      // Readable by every user; initdb wants to know where it stands, and the caller's folder may be shut to it.
      cwd: "/",
      detached: true,
      env: { LC_ALL: "C" },
      stdio: ["ignore", options.output, options.output, ...extra],
      ...options.user,
    };
    const child = spawn(join(options.binDir, options.program), ["-D", folder.name, ...options.args], settings);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) => reject(explainSpawnFailure(error, options)));
    });
    return child;
  } finally {
    await folder.handle?.close();
  }
}

/**
 * Names the data folder so that the user can open it. When a folder above it is shut to the user (root's project under `/root`),
 * the opened folder itself is handed over as descriptor 3: PostgreSQL enters it once by that name and then keeps to relative paths.
 */
async function nameDataDir(
  dataDir: string,
  user: ServerUser | undefined,
): Promise<{ name: string; handle?: FileHandle }> {
  if (user === undefined || (await canReach(dataDir, user))) return { name: dataDir };
  if (process.platform !== "linux") {
    throw new Error(
      `User ${user.uid}, under whom PostgreSQL runs because root may not, cannot reach ${dataDir}. ${WAY_OUT}`,
    );
  }
  return { name: "/proc/self/fd/3", handle: await open(dataDir, "r") };
}

function explainSpawnFailure(error: Error, { binDir, program, user }: ProgramOptions): Error {
  const code = "code" in error ? error.code : undefined;
  const path = join(binDir, program);
  if (code === "ENOENT") {
    const sentence = `${path} is absent or made for another system (it needs a Linux with glibc, or macOS). ${WAY_OUT}`;
    return new Error(sentence, { cause: error });
  }
  const as = user === undefined ? "" : ` as user ${user.uid}, under whom PostgreSQL runs because root may not`;
  return new Error(`${path} cannot be run${as}: ${error.message}. ${WAY_OUT}`, { cause: error });
}

/** Resolves with what ended the program: an exit code or a signal's name. */
export function waitForExit(child: ChildProcess): Promise<number | string> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  if (child.signalCode !== null) return Promise.resolve(child.signalCode);
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown")));
}
