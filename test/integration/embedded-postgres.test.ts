import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "../../sandbox/postgres/embedded-postgres.ts";
import { isAlive, readPostmasterFile } from "../../sandbox/postgres/postmaster-file.ts";
import { eventually } from "../support/eventually.ts";
import { makeDataFolder } from "../support/make-data-folder.ts";

const repository = join(import.meta.dirname, "..", "..");
const module = join(repository, "sandbox", "postgres", "embedded-postgres.ts");

/** A data folder of the test's own; whatever still runs over it at the end is ended. */
async function setup() {
  const folder = await makeDataFolder("keiyaku-embedded-test-");
  const dataDir = join(folder, "postgres");
  const notices: string[] = [];
  onTestFinished(async () => {
    const left = await readPostmasterFile(dataDir);
    if (left !== undefined && isAlive(left.pid)) {
      process.kill(left.pid, "SIGINT");
      await eventually(() => !isAlive(left.pid), { withinMs: 10_000, describe: "the server to end" });
    }
    await rm(folder, { recursive: true, force: true });
  });
  const start = (options: Partial<EmbeddedPostgresOptions> = {}) =>
    startEmbeddedPostgres({ dataDir, durable: false, onNotice: (sentence) => notices.push(sentence), ...options });
  return { folder, dataDir, notices, start };
}

async function query<T extends postgres.Row>(server: { url: string }, text: string): Promise<T[]> {
  const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
  try {
    return await sql.unsafe<T[]>(text);
  } finally {
    await sql.end();
  }
}

async function show(server: EmbeddedPostgres, ...names: string[]): Promise<string[]> {
  const columns = names.map((name, index) => `current_setting('${name}') as s${index}`);
  const [row] = await query<Record<string, string>>(server, `select ${columns.join(", ")}`);
  return Object.values(row ?? {});
}

/** Starts a server from another process, which then does what it is told; gives that process and its first line. */
async function startInProcess(
  dataDir: string,
  then: string,
): Promise<{ child: ChildProcess; server: EmbeddedPostgres }> {
  const code = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, durable: false });
    console.log(JSON.stringify(server));
    ${then}`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    cwd: repository,
    // A group of its own, as a terminal gives to each command: Ctrl-C and a closed window go to all of it.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  return { child, server: JSON.parse(String(line)) };
}

describe("startEmbeddedPostgres", () => {
  it("gives a superuser's URL of a server that listens on 127.0.0.1 only, without a socket file", async () => {
    const { start } = await setup();
    const server = await start();

    expect(server).toMatchObject({ started: true, url: `postgres://postgres@127.0.0.1:${server.port}/postgres` });
    expect(await query(server, "select current_user as who")).toEqual([{ who: "postgres" }]);
    const shown = await show(server, "listen_addresses", "unix_socket_directories", "max_connections", "timezone");
    expect(shown).toEqual(["127.0.0.1", "", "200", "UTC"]);
    const outside = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
    for (const { address } of outside.filter(({ internal, family }) => !internal && family === "IPv4")) {
      const url = `postgres://postgres@${address}:${server.port}/postgres`;
      await expect(query({ url }, "select 1")).rejects.toThrow("ECONNREFUSED");
    }
  });

  it("makes UTF-8 databases where LANG is unset", async () => {
    vi.stubEnv("LANG", undefined);
    vi.stubEnv("LC_ALL", undefined);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { start } = await setup();
    const server = await start();

    expect(await show(server, "server_encoding")).toEqual(["UTF8"]);
    expect(await query(server, "select length('契約') as length")).toEqual([{ length: 2 }]);
  });

  it("gives nothing of this process's environment to the server", async () => {
    vi.stubEnv("STRIPE_SECRET_KEY", "sk_test_canary");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { start } = await setup();
    const server = await start();

    const variables = await query<{ line: string }>(
      server,
      "create temp table variables (line text); copy variables from program 'env'; select line from variables",
    );
    const lines = variables.flat().map(({ line }) => line);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join()).not.toContain("sk_test_canary");
  });

  it("writes durably when asked to, and not otherwise", async () => {
    const settings = ["fsync", "synchronous_commit", "full_page_writes"];
    const safe = await setup();
    const fast = await setup();

    expect(await show(await safe.start({ durable: true }), ...settings)).toEqual(["on", "on", "on"]);
    expect(await show(await fast.start({ durable: false }), ...settings)).toEqual(["off", "off", "off"]);
    await expect(fast.start({ durable: true })).rejects.toThrow("without durability");
  });

  it("keeps data and port from one start to the next, and stops when told, once", async () => {
    const { start, dataDir, notices } = await setup();
    const first = await start();
    await query(first, "create table kept as select 7 as seven");
    await Promise.all([first.stop(), first.stop()]);
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    await expect(query(first, "select 1")).rejects.toThrow("ECONNREFUSED");

    const second = await start();
    expect(second).toMatchObject({ started: true, port: first.port });
    expect(JSON.parse(await readFile(`${dataDir}.port.json`, "utf8"))).toEqual({ port: first.port });
    expect(await query(second, "select seven from kept")).toEqual([{ seven: 7 }]);
    expect(notices).toEqual([]);
  });

  it("uses along a server that runs over the folder, says so, and leaves it running at its own stop", async () => {
    const { start, notices } = await setup();
    const first = await start();
    const second = await start();

    expect(second).toMatchObject({ started: false, url: first.url, pid: first.pid });
    expect(notices).toEqual([expect.stringContaining(`kill -INT ${first.pid}`)]);
    await second.stop();
    expect(await query(first, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("starts one server for several processes that ask at once over an empty folder, and all can use it", async () => {
    const { start, dataDir, folder } = await setup();
    const idle = "setInterval(() => {}, 1000);";
    const found = await Promise.all([
      start(),
      start(),
      startInProcess(dataDir, idle).then(({ server }) => server),
      startInProcess(dataDir, idle).then(({ server }) => server),
    ]);

    expect(found.filter(({ started }) => started)).toHaveLength(1);
    expect(new Set(found.map(({ pid }) => pid)).size).toBe(1);
    for (const server of found) expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
    expect((await readdir(folder)).sort()).toEqual(["postgres", "postgres.log", "postgres.port.json"]);
  });

  it("recovers what was committed before the server was killed, and says so", async () => {
    const { start, notices } = await setup();
    const first = await start({ durable: true });
    await query(first, "create table kept as select 7 as seven");
    process.kill(first.pid, "SIGKILL");

    const second = await start({ durable: true });
    expect(second.started).toBe(true);
    expect(second.pid).not.toBe(first.pid);
    expect(await query(second, "select seven from kept")).toEqual([{ seven: 7 }]);
    expect(notices).toEqual([expect.stringContaining("recovers by itself")]);
  });

  it("leaves the server running when its starter's process group is killed; the next start uses it along", async () => {
    const { start, dataDir } = await setup();
    const { child, server } = await startInProcess(dataDir, "setInterval(() => {}, 1000);");
    if (child.pid === undefined) throw new Error("no process");
    process.kill(-child.pid, "SIGKILL");
    await once(child, "exit");

    const next = await start();
    expect(next).toMatchObject({ started: false, pid: server.pid });
    expect(await query(next, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("does not keep a process alive that has nothing else to do", async () => {
    const { dataDir } = await setup();
    const { child } = await startInProcess(dataDir, "");

    const [code] = await once(child, "exit");
    expect(code).toBe(0);
  });

  it("starts where postmaster.pid of a killed server names a process id that another program has now", async () => {
    const { start, dataDir } = await setup();
    await (await start()).stop();
    const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const other = spawn("sleep", ["60"], { stdio: "ignore", ...user });
    onTestFinished(() => void other.kill("SIGKILL"));
    const lines = [other.pid, dataDir, "1700000000", "5432", "", "127.0.0.1", "  1234567       999", "ready   ", ""];
    await writeFile(join(dataDir, "postmaster.pid"), lines.join("\n"));

    const server = await start();
    expect(server.started).toBe(true);
    expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("carries the server's own words in the error when a wanted port is taken", async () => {
    const { start } = await setup();
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => void taken.close());
    const address = taken.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");

    await expect(start({ port: address.port })).rejects.toThrow(/could not bind IPv4 address.*Address already in use/s);
  });

  it("carries the server's own words in the error when the data are another version's", async () => {
    const { start, dataDir } = await setup();
    await (await start()).stop();
    await writeFile(join(dataDir, "PG_VERSION"), "9.6\n");

    await expect(start()).rejects.toThrow(/incompatible with server.*initialized by PostgreSQL version 9\.6/s);
  });

  it("leaves a folder alone that holds something else", async () => {
    const { start, dataDir } = await setup();
    await mkdir(dataDir);
    await writeFile(join(dataDir, "letter.txt"), "dear");

    await expect(start()).rejects.toThrow("is not empty and holds no PostgreSQL data");
    expect(await readdir(dataDir)).toEqual(["letter.txt"]);
  });

  it("removes the half-made data that a killed process left beside the folder", async () => {
    const { start, folder } = await setup();
    const ended = spawn("true");
    await once(ended, "exit");
    await mkdir(join(folder, `.postgres-made-by-${ended.pid}-abcdef`));
    await mkdir(join(folder, `.postgres-made-by-${process.pid}-abcdef`));
    await start();

    expect((await readdir(folder)).filter((name) => name.startsWith(".postgres-made-by"))).toEqual([
      `.postgres-made-by-${process.pid}-abcdef`,
    ]);
  });

  it("looks for the programs in the folder it is told, and says where it found none", async () => {
    const { start } = await setup();

    await expect(start({ binDir: "/nowhere" })).rejects.toThrow(/\/nowhere\/initdb is absent.*DATABASE_URL/);
  });

  it.runIf(process.getuid?.() === 0)("gives an existing folder of root's to the server's user", async () => {
    const { start, dataDir } = await setup();
    await (await start()).stop();
    for (const entry of ["", ...(await readdir(dataDir, { recursive: true }))]) await chown(join(dataDir, entry), 0, 0);

    const server = await start();
    expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
  });
});
