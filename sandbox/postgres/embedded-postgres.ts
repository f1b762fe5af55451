import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { prepareBinaries } from "./binaries.ts";
import { ensureCluster } from "./cluster.ts";
import { launchServer, type Settings } from "./launch.ts";
import { askServer, isServerOf, type PostmasterFile, readPostmasterFile, removeIfStale } from "./postmaster-file.ts";
import { chooseServerUser } from "./server-user.ts";

export interface EmbeddedPostgresOptions {
  /** The server's own folder, made when it is absent. The log, and the file with the port, lie beside it under its name. */
  dataDir: string;
  /**
   * False gives up protection for speed, for tests and the demo only: a killed server loses the last moments of what it
   * acknowledged, and a crash of the machine may leave data that cannot be read.
   */
  durable: boolean;
  /** Runs `initdb` and `postgres` from this folder instead of the npm package's. */
  binDir?: string;
  /** Listens on this port or fails; else on the port of the last time, or on a free one. A running server keeps its own. */
  port?: number;
  maxConnections?: number;
  /** Gets a sentence about whatever its reader might wonder at later. */
  onNotice?: (sentence: string) => void;
}

export interface EmbeddedPostgres {
  /** `postgres://postgres@127.0.0.1:PORT/postgres`, a superuser's. */
  url: string;
  port: number;
  pid: number;
  /** False when a server ran over the folder already and is used along. */
  started: boolean;
  /** Stops the server that this call started, disconnecting whoever is connected; does nothing to a server used along. */
  stop(): Promise<void>;
  /** Stops the server whoever has started it, disconnecting whoever is connected. */
  end(): Promise<void>;
}

/**
 * A worker holds about ten connections (data, queue, events), the maintenance and a command line some more; a default of 100 was
 * used up by a handful of processes on one machine.
 */
const MAX_CONNECTIONS = 200;

/** Recovery after a crash reads the log since the last checkpoint, at most a gigabyte of it: seconds on a disk of today. */
const READY_WITHIN_MS = 60_000;

/**
 * Gives a PostgreSQL over the data folder: the one that runs over it already, or else a new one. Any number of processes may ask
 * at the same time; one starts the server and all get a working URL.
 *
 * The server listens on 127.0.0.1 only, has no socket file, and trusts whoever connects. A password would have to lie readable
 * beside the data and would keep out only other users of this very machine; so this server is for development and tests, on a
 * machine whose users trust each other.
 *
 * The server is a process of its own: it hears no Ctrl-C, keeps no event loop alive, and nothing is hooked to this process's end.
 * Whoever started it calls `stop`, last of all. If the starter is killed before (`kill -9`), the server goes on; the next start
 * over the folder uses it along and says so, with the id to stop it by, or takes it over and calls `end`. After a crash of the server itself the next start recovers.
 *
 * Throws a sentence with the server's own last lines when it does not become ready, and one naming DATABASE_URL when this machine
 * cannot run it.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const onNotice = options.onNotice ?? (() => undefined);
  let launchUntil: number | undefined;
  await mkdir(dirname(dataDir), { recursive: true });
  const user = await chooseServerUser(dataDir);
  for (;;) {
    const found = await findServer(dataDir, options.durable, performance.now() + READY_WITHIN_MS);
    if (found.type === "running") {
      onNotice(
        `Using the PostgreSQL that runs over ${dataDir} already (process ${found.pid}). ` +
          `It goes on after this process; if nobody else uses it, stop it with: kill -INT ${found.pid}`,
      );
      return present(found, {
        started: false,
        stop: async () => undefined,
        end: () => endServer(dataDir, found.pid),
      });
    }
    const binDir = options.binDir ?? (await prepareBinaries({ user, onNotice }));
    await ensureCluster({ dataDir, binDir, user, durable: options.durable });
    launchUntil ??= performance.now() + READY_WITHIN_MS;
    if (found.type === "left behind") {
      onNotice(`The PostgreSQL over ${dataDir} was not stopped properly the last time; it recovers by itself.`);
    }
    const launch = await launchServer({
      dataDir,
      binDir,
      user,
      settings: settingsFor(options),
      ...(options.port === undefined ? {} : { port: options.port }),
      deadline: launchUntil,
    });
    if (launch.type === "running") return present(launch, { started: true, stop: launch.stop, end: launch.stop });
    if (performance.now() > launchUntil) throw new Error(launch.reason);
    await pause(50);
  }
}

function present(
  { port, pid }: { port: number; pid: number },
  ways: Pick<EmbeddedPostgres, "started" | "stop" | "end">,
): EmbeddedPostgres {
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, port, pid, ...ways };
}

/** SIGINT writes what is in memory and takes a fraction of a second; on a drowning disk it may take this long. */
const END_WITHIN_MS = 30_000;

/** Stops a server that is no child of this process. It takes its file along as the last thing that it does. */
async function endServer(dataDir: string, pid: number): Promise<void> {
  if (!(await isServerOf(dataDir, pid))) return;
  process.kill(pid, "SIGINT");
  const deadline = performance.now() + END_WITHIN_MS;
  while ((await readPostmasterFile(dataDir))?.pid === pid) {
    if (performance.now() > deadline) throw new Error(`The PostgreSQL over ${dataDir} (process ${pid}) does not stop.`);
    await pause(20);
  }
}

function settingsFor({ durable, maxConnections = MAX_CONNECTIONS }: EmbeddedPostgresOptions): Settings {
  return {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: String(maxConnections),
    // The machine's zone is nobody's business zone: with it, the same test could pass in Berlin and fail in Tokyo.
    timezone: "UTC",
    log_timezone: "UTC",
    ...(durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
}

type Found = { type: "running"; port: number; pid: number } | { type: "left behind" } | { type: "none" };

/** Waits for a server that is starting or stopping, and proves that one which says it is ready is the server of this folder. */
async function findServer(dataDir: string, durable: boolean, deadline: number): Promise<Found> {
  let reason = "it is still starting or stopping";
  for (;;) {
    const file = await readPostmasterFile(dataDir);
    if (file === undefined) return { type: "none" };
    if (!(await isServerOf(dataDir, file.pid))) {
      await removeIfStale(dataDir, file);
      return { type: "left behind" };
    }
    if (file.isReady && file.port !== undefined) {
      const answer = await askServer(file).catch((error: Error) => error);
      if (!(answer instanceof Error)) {
        if (durable && !answer.isDurable)
          throw new Error(`${describe(dataDir, file)} without durability; stop it first.`);
        return { type: "running", port: file.port, pid: file.pid };
      }
      reason = answer.message;
    }
    if (performance.now() > deadline) throw new Error(`${describe(dataDir, file)} but cannot be used: ${reason}.`);
    await pause(50);
  }
}

function describe(dataDir: string, { pid }: PostmasterFile): string {
  return `The PostgreSQL over ${dataDir} (process ${pid}) runs`;
}
