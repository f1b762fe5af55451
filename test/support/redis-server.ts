import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findFreePort } from "./free-port.ts";
import { makeDataFolder } from "./make-data-folder.ts";

export interface RedisServerOptions {
  /** A free one unless told; a test that stops and starts a server keeps the port of the first start. */
  port?: number;
  /** Writes each command to a file and syncs it before answering, so that a killed server comes back with all it acknowledged. */
  appendOnly?: boolean;
  /** Where the append-only file lies; a temp folder, removed at the stop, unless told. */
  dir?: string;
}

export interface RedisServer {
  url: string;
  port: number;
  pid: number;
  /** Resolves when the process is gone; a second call does nothing more. */
  stop(): Promise<void>;
}

/** Gives the path of the machine's `redis-server`, or `undefined`; no npm package brings one. */
export function findRedisServer(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, "redis-server")).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Three times in a row losing a port to somebody else is no accident any more. */
const PORT_TRIES = 3;

/**
 * Starts a Redis of its own on 127.0.0.1 and resolves when it answers PING. It takes no snapshots and evicts nothing, like the
 * Redis that the queue asks for.
 *
 * Throws with the server's last words when it ends instead, and a sentence when the machine has no `redis-server`.
 */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const program = findRedisServer();
  if (program === undefined) throw new Error("There is no redis-server on the PATH.");
  const dir = options.dir ?? (await makeDataFolder("keiyaku-redis-"));
  const removeDir = async () => {
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  try {
    for (let tries = 1; ; tries += 1) {
      const port = options.port ?? (await findFreePort());
      const started = await launch(program, port, dir, options.appendOnly ?? false);
      if (typeof started !== "string") return present(started, port, removeDir);
      const mayTryAgain =
        options.port === undefined && tries < PORT_TRIES && started.includes("Address already in use");
      if (!mayTryAgain) throw new Error(`redis-server ended as it started. It said:\n${started}`);
    }
  } catch (error) {
    await removeDir();
    throw error;
  }
}

function present(child: ChildProcess & { pid: number }, port: number, removeDir: () => Promise<void>): RedisServer {
  const stop = async () => {
    await stopProcess(child);
    await removeDir();
  };
  let stopped: Promise<void> | undefined;
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Gives the running process, or what it said before it ended. */
async function launch(
  program: string,
  port: number,
  dir: string,
  appendOnly: boolean,
): Promise<(ChildProcess & { pid: number }) | string> {
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    dir,
    save: "",
    appendonly: appendOnly ? "yes" : "no",
    appendfsync: "always",
    "maxmemory-policy": "noeviction",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const listen = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  const ended = new Promise<string>((resolve) => {
    child.once("close", () => resolve(said));
    child.once("error", (error) => resolve(error.message));
  });
  let lastWords: string | undefined;
  void ended.then((words) => {
    lastWords = words;
  });
  while (lastWords === undefined) {
    const isUp = await answersPing(port);
    // Whoever answers on the port, it is this server only as long as this process lives with the port in hand.
    if (isUp && child.exitCode === null && hasPid(child) && said.includes("Ready to accept connections")) return child;
    await Promise.race([ended, pause(20)]);
  }
  return lastWords;
}

function hasPid(child: ChildProcess): child is ChildProcess & { pid: number } {
  return child.pid !== undefined;
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once("data", (chunk) => {
      resolve(chunk.toString().startsWith("+PONG"));
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

/** SIGTERM lets Redis close its files, in milliseconds; a paused or hanging one is killed. */
const TERM_WITHIN_MS = 2_000;

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), TERM_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}
