import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually } from "./eventually.ts";

/** What a worker process is started with. It inherits nothing else of the test's environment but the PATH. */
export interface WorkerProcessOptions {
  readonly databaseUrl: string;
  /** Where the queue lives; on the database's server unless told. */
  readonly redisUrl?: string | undefined;
  readonly stripe: { readonly url: string; readonly secretKey: string };
  /** As KEIYAKU_FAILPOINT takes it: `name:nth:action`. */
  readonly failpoint?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** What it is told to start; what its settings make use of, unless told. */
  readonly roles?: readonly string[];
}

/** One line of the worker's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A worker as a process of its own, from the built program. */
export interface WorkerProcess {
  readonly pid: number;
  readonly logs: readonly LogLine[];
  /** What it wrote to stderr, and what it wrote to stdout that is no line of the log. */
  said(): string;
  /** Sends a signal; to a process that has ended, none. */
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<WorkerExit>;
  /** Resolves with how it ended; rejects with its last words when it has not in time. */
  ended(withinMs?: number): Promise<WorkerExit>;
  /** Resolves with the first line of the log that fits, past ones included. Rejects when the process ends without one. */
  logged(fits: (line: LogLine) => boolean, withinMs?: number): Promise<LogLine>;
  /** Resolves once the process says on its port that it could work. Rejects with its last words when it ends instead. */
  untilReady(withinMs?: number): Promise<void>;
  /** Asks its port, such as for `/readyz`. */
  ask(path: string): Promise<Response>;
  /** Where its HTTP API answers, once it does. */
  apiUrl(): Promise<string>;
  /** Where Stripe's webhooks are taken, once they are. */
  webhookUrl(): Promise<string>;
}

/** Of all worker processes of this test file. */
const dataDir = join(tmpdir(), `keiyaku-workers-${process.pid}`);

const program = join(import.meta.dirname, "..", "..", "dist", "src", "cli.js");

/** Whatever ends a worker in a test, a signal or a failpoint, does so in a few seconds on a crowded machine. */
const endedWithinMs = 15_000;

/** Health and metrics answer within three seconds, whatever is down; one that does not is asked again. */
const askedWithinMs = 8_000;

/** A start takes a second on an idle machine; half a minute is past the 15 s in which it waits for its servers. */
const readyWithinMs = 30_000;

const living = new Map<number, { readonly child: ChildProcess; readonly exited: Promise<WorkerExit> }>();

/** Starts a worker and resolves once it is ready. The test file ends it with {@link endWorkerProcesses}. */
export async function spawnWorker(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const worker = startWorkerProcess(options);
  await worker.untilReady();
  return worker;
}

/** Starts a worker without waiting, for tests of starts that fail or take long. */
export function startWorkerProcess(options: WorkerProcessOptions): WorkerProcess {
  const child = spawn(process.execPath, [program, "start", ...(options.roles ?? [])], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "test",
      LOG_LEVEL: "debug",
      HTTP_PORT: "0",
      API_PORT: "0",
      RELAY_PORT: "0",
      // Where mails go unless the test has a server for them.
      KEIYAKU_DATA_DIR: dataDir,
      DATABASE_URL: options.databaseUrl,
      ...(options.redisUrl === undefined ? {} : { REDIS_URL: options.redisUrl }),
      STRIPE_API_BASE: options.stripe.url,
      STRIPE_SECRET_KEY: options.stripe.secretKey,
      ...(options.failpoint === undefined ? {} : { KEIYAKU_FAILPOINT: options.failpoint }),
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`There is no ${process.execPath} to run a worker with.`);
  const log = readLog(child);
  let exit: WorkerExit | undefined;
  const exited = new Promise<WorkerExit>((resolve) => {
    // Once the streams are closed too, so that no line of the log comes after.
    child.once("close", (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  living.set(pid, { child, exited });
  void exited.then(() => living.delete(pid));

  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new Error(`${(error as Error).message}. The worker said:\n${log.tail()}`, { cause: error });
    }
  };
  const logged = (fits: (line: LogLine) => boolean, withinMs = readyWithinMs) =>
    explained(async () => {
      const found = await eventually(() => log.lines.find(fits) ?? exit, { withinMs, describe: "a line of its log" });
      if ("msg" in found) return found;
      throw new Error(`It ended with ${found.signal ?? found.code}`);
    });
  const ask = async (path: string) => {
    const { http } = await logged(isReadyLine);
    const signal = AbortSignal.timeout(askedWithinMs);
    return fetch(`http://127.0.0.1:${Number(http)}${path}`, { signal }).catch((error: unknown) =>
      explained(() =>
        Promise.reject(exit === undefined ? error : new Error(`It ended with ${exit.signal ?? exit.code}`)),
      ),
    );
  };
  return {
    pid,
    logs: log.lines,
    said: () => log.rest(),
    kill: (signal) => void child.kill(signal),
    exited,
    ended: (withinMs = endedWithinMs) => explained(() => eventually(() => exit, { withinMs, describe: "its end" })),
    logged,
    async untilReady(withinMs = readyWithinMs) {
      await logged(isReadyLine, withinMs);
      await eventually(async () => (await ask("/readyz")).ok, { withinMs: 5_000, describe: "the worker's readiness" });
    },
    ask,
    async apiUrl() {
      const { api } = await logged(isReadyLine);
      return `http://127.0.0.1:${Number(api)}`;
    },
    async webhookUrl() {
      const { relay } = await logged(isReadyLine);
      return `http://127.0.0.1:${Number(relay)}/stripe/webhooks`;
    },
  };
}

/** The line that names the port. */
const isReadyLine = ({ msg }: LogLine) => msg === "the worker is ready";

function readLog(child: ChildProcess) {
  const lines: LogLine[] = [];
  let other = "";
  const note = (text: string) => {
    other = `${other}${text}\n`.slice(-20_000);
  };
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = parseLine(text);
      if (line === undefined) note(text);
      else lines.push(line);
    });
  }
  if (child.stderr !== null) createInterface({ input: child.stderr }).on("line", note);
  const tail = () => [...lines.slice(-20).map((line) => JSON.stringify(line)), other.slice(-4_000)].join("\n");
  return { lines, tail, rest: () => other };
}

function parseLine(text: string): LogLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === "object" && line !== null && "msg" in line && "level" in line
      ? (line as LogLine)
      : undefined;
  } catch {
    return undefined;
  }
}

/** SIGKILL takes effect at once, unless the process hangs in the kernel. */
const goneWithinMs = 5_000;

/**
 * Kills every worker process of this test file that still lives, and throws if one cannot be killed. For `afterEach`, so
 * that a failed test leaves none behind.
 */
export async function endWorkerProcesses(): Promise<void> {
  const ending = [...living];
  for (const [, { child }] of ending) child.kill("SIGKILL");
  const areGone = () => !ending.some(([pid]) => exists(pid));
  await eventually(areGone, { withinMs: goneWithinMs, describe: "killed workers to be gone" });
  await Promise.all(ending.map(([, { exited }]) => exited));
  await rm(dataDir, { recursive: true, force: true });
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
