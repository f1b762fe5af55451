import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DataFolder } from "./data-folder.ts";

/** The demo's worker in a process of its own, as in production. */
export interface WorkerProcess {
  readonly pid: number;
  /** Resolves when it takes jobs and webhooks; throws the last lines of its log when it ends instead. */
  readonly ready: Promise<Ready>;
  /** Rejects when it ends without having been asked to; never resolves. */
  readonly died: Promise<never>;
  /** Resolves when the process is gone. */
  stop(): Promise<void>;
}

/** What the worker says when it is ready. */
export interface Ready {
  /** Where it takes Stripe's webhooks. */
  readonly relayPort: number;
}

/** It puts back what it has at work and closes its connections, in less than a second; a stuck one is killed. */
const stopWithinMs = 8_000;

/** Starts the worker. It can be stopped before it is ready. */
export function startWorkerProcess(
  env: Readonly<Record<string, string | undefined>>,
  { path, workerLog: logFile }: Pick<DataFolder, "path" | "workerLog">,
): WorkerProcess {
  const log = openSync(logFile, "a");
  // The folder is named for whoever lists processes.
  // Out of the terminal's group: Ctrl-C is the demo's to hear, and the demo stops its worker in the right order.
  const child = fork(join(import.meta.dirname, "worker.ts"), [path], {
    env: { ...env },
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  let stopping = false;
  const exited = new Promise<number | string>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
    child.once("error", (error) => resolve(error.message));
  });
  const died = new Promise<never>((_, reject) => {
    void exited.then((ending) => {
      if (!stopping) reject(new Error(`The worker ended (${ending}); its log is ${logFile}`));
    });
  });
  // Heard by whoever waits for them; by nobody otherwise, which is no reason to end this process.
  died.catch(() => undefined);
  const said = new Promise<Ready>((resolve) => child.once("message", (message) => resolve(message as Ready)));
  const ready = Promise.race([said, exited.then((ending) => failedStart(ending, logFile))]);
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ready,
    died,
    async stop() {
      stopping = true;
      await stopChild(child, exited);
    },
  };
}

async function failedStart(ending: number | string, logFile: string): Promise<never> {
  const lines = (await readFile(logFile, "utf8").catch(() => "")).trimEnd().split("\n");
  throw new Error(`The worker did not start (${ending}). It said:\n${lines.slice(-8).join("\n")}`);
}

async function stopChild(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
  await exited;
  clearTimeout(timer);
}
