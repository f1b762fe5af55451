import type { ChildProcess } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { findFreePort, isPortFree } from "./free-port.ts";
import { readPostmasterFile } from "./postmaster-file.ts";
import { startProgram, waitForExit } from "./programs.ts";
import { lastLines, openServerLog, type ServerLog } from "./server-log.ts";
import type { ServerUser } from "./server-user.ts";

/** The server's settings by their own names; they stand above what its configuration file says. */
export type Settings = Readonly<Record<string, string>>;

export interface LaunchOptions {
  dataDir: string;
  binDir: string;
  user: ServerUser | undefined;
  settings: Settings;
  port?: number;
  /** On the clock of `performance.now()`. */
  deadline: number;
}

/** `outrun`: another server holds the folder, the port or the shared memory at this moment; ask again. */
export type Launch =
  | { type: "running"; pid: number; port: number; stop: () => Promise<void> }
  | { type: "outrun"; reason: string };

/** What the server says (in English, by `LC_ALL=C`) when another one has, or a dying one still has, what it needs. */
const OUTRUN = /lock file "postmaster\.pid"|pre-existing shared memory block|could not create any TCP\/IP sockets/;

/**
 * Starts a server over the data folder and resolves when it says that it accepts connections.
 *
 * PostgreSQL's own lock file decides between several starts at once. Throws with the server's last lines when it ends otherwise.
 */
export async function launchServer(options: LaunchOptions): Promise<Launch> {
  const log = await openServerLog(`${options.dataDir}.log`);
  try {
    return await launch(options, log);
  } finally {
    await log.close();
  }
}

async function launch({ dataDir, binDir, user, settings, port: wanted, deadline }: LaunchOptions, log: ServerLog) {
  const port = wanted ?? (await choosePort(dataDir));
  const args = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const child = await startProgram({ binDir, program: "postgres", args, dataDir, user, output: log.fd });
  let ending: number | string | undefined;
  const exited = waitForExit(child).then((how) => {
    ending = how;
  });
  while (ending === undefined) {
    const file = await readPostmasterFile(dataDir);
    if (file?.pid === child.pid && file?.isReady) {
      await rememberPort(dataDir, port).catch(async (error) => {
        await stopServer(child, exited);
        throw error;
      });
      child.unref();
      return { type: "running", pid: file.pid, port, stop: () => stopServer(child, exited) } as const;
    }
    if (performance.now() > deadline) {
      await stopServer(child, exited);
      const said = lastLines(await log.read());
      throw new Error(`The PostgreSQL over ${dataDir} does not become ready; it is stopped. It said:\n${said}`);
    }
    await Promise.race([exited, pause(20)]);
  }
  const text = await log.read();
  const reason = `The PostgreSQL over ${dataDir} ended with ${ending} as it started. It said:\n${lastLines(text)}`;
  const isPortTaken = text.includes("could not create any TCP/IP sockets");
  if (!OUTRUN.test(text) || (isPortTaken && wanted !== undefined)) throw new Error(reason);
  return { type: "outrun", reason } as const;
}

const portFileSchema = z.object({ port: z.int().min(1).max(65535) });

function portFile(dataDir: string): string {
  return `${dataDir}.port.json`;
}

/** Keeps the port for the next start, so that a URL which a person noted down goes on working, and for whoever looks for the server. */
async function rememberPort(dataDir: string, port: number): Promise<void> {
  await writeFile(portFile(dataDir), `${JSON.stringify({ port })}\n`);
}

async function choosePort(dataDir: string): Promise<number> {
  const text = await readFile(portFile(dataDir), "utf8").catch(() => "{}");
  const remembered = portFileSchema.safeParse(parseJson(text)).data?.port;
  return remembered !== undefined && (await isPortFree(remembered)) ? remembered : findFreePort();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** SIGINT writes what is in memory and takes a fraction of a second; on a drowning disk it may take this long. */
const STOP_WITHIN_MS = 30_000;

/** SIGQUIT only ends the processes; what it leaves out, the next start recovers. */
const QUIT_WITHIN_MS = 5_000;

/** A server that has ended already is no mistake, and neither is a second call. */
async function stopServer(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.ref();
  child.kill("SIGINT");
  if (await endsWithin(exited, STOP_WITHIN_MS)) return;
  child.kill("SIGQUIT");
  if (await endsWithin(exited, QUIT_WITHIN_MS)) return;
  child.kill("SIGKILL");
  await exited;
}

async function endsWithin(exited: Promise<void>, withinMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = pause(withinMs, false, { signal: timer.signal }).catch(() => false);
  const ended = await Promise.race([exited.then(() => true), late]);
  timer.abort();
  return ended;
}
