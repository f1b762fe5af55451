import { spawn } from "node:child_process";
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { prepareBinaries } from "../../sandbox/postgres/binaries.ts";
import { startEmbeddedPostgres } from "../../sandbox/postgres/embedded-postgres.ts";
import { canReach } from "../../sandbox/postgres/server-user.ts";
import { makeDataFolder } from "../support/make-data-folder.ts";

const repository = join(import.meta.dirname, "..", "..");
const module = join(repository, "sandbox", "postgres", "embedded-postgres.ts");
const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65534, gid: 65534 };

/** An ordinary user can be tried out by root only, and only where that user can read this checkout. */
const canLendNobody = isRoot && (await canReach(repository, nobody));

async function makeFolder(make = makeDataFolder): Promise<string> {
  const folder = await make("keiyaku-users-test-");
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  return folder;
}

/** Starts, asks and stops a server as another user; gives what the process said. */
async function tryAs(user: { uid: number; gid: number }, dataDir: string) {
  const code = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const { default: postgres } = await import("postgres");
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, durable: false }).catch((error) => {
      console.log("refused: " + error.message);
      process.exit(1);
    });
    const sql = postgres(server.url, { max: 1 });
    const [row] = await sql\`select current_setting('server_encoding') as encoding\`;
    await sql.end();
    await server.stop();
    console.log("stopped a server of " + row.encoding + " as user " + process.getuid());`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    cwd: repository,
    env: { PATH: process.env.PATH, TMPDIR: dirname(dataDir) },
    stdio: ["ignore", "pipe", "pipe"],
    ...user,
  });
  let said = "";
  for (const output of [child.stdout, child.stderr]) {
    output.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  await new Promise((resolve) => child.once("close", resolve));
  return said.trim();
}

describe("startEmbeddedPostgres for different users", () => {
  it.runIf(canLendNobody)("works as an ordinary user, in a folder of that user's", async () => {
    const folder = await makeFolder();
    await chown(folder, nobody.uid, nobody.gid);

    expect(await tryAs(nobody, join(folder, "postgres"))).toBe("stopped a server of UTF8 as user 65534");
  });

  it.runIf(canLendNobody)("says whose a folder is that an ordinary user may not use", async () => {
    const folder = await makeFolder();
    await mkdir(join(folder, "postgres"));
    await chown(folder, nobody.uid, nobody.gid);

    const said = await tryAs(nobody, join(folder, "postgres"));
    expect(said).toMatch(/^refused: .*postgres belongs to user 0, and this is user 65534.*DATABASE_URL/);
  });

  it.runIf(canLendNobody)("asks for DATABASE_URL as a user without an entry in /etc/passwd", async () => {
    const folder = await makeFolder();
    const unnamed = { uid: 54321, gid: 54321 };
    await chown(folder, unnamed.uid, unnamed.gid);

    const said = await tryAs(unnamed, join(folder, "postgres"));
    expect(said).toMatch(/^refused: .*user 54321 has no entry in \/etc\/passwd. Set DATABASE_URL/);
    expect(await readdir(folder)).not.toContain("postgres");
  });

  it.runIf(isRoot)("works as root where the data lie below a folder that nobody else may enter", async () => {
    const folder = await makeFolder();
    await chmod(folder, 0o700);
    const dataDir = join(folder, "below", "postgres");
    const notices: string[] = [];
    const options = { dataDir, durable: false, onNotice: (sentence: string) => notices.push(sentence) };

    const first = await startEmbeddedPostgres(options);
    const along = await startEmbeddedPostgres(options);
    const sql = postgres(first.url, { max: 1 });
    await sql`create table kept as select 7 as seven`;
    await sql.end();
    await first.stop();
    expect(along).toMatchObject({ started: false, pid: first.pid });
    expect((await stat(dataDir)).uid).toBe(65534);
    expect(await readFile(join(dataDir, "PG_VERSION"), "utf8")).toMatch(/^\d+\n$/);

    const second = await startEmbeddedPostgres(options);
    expect(second).toMatchObject({ started: true, port: first.port });
    await second.stop();
  });

  it.runIf(isRoot)("runs as the owner of a folder that an ordinary user made, who can go on using it", async () => {
    const folder = await makeFolder();
    await chown(folder, 1, 1);
    const dataDir = join(folder, "postgres");
    await mkdir(dataDir);
    await chown(dataDir, 1, 1);

    const server = await startEmbeddedPostgres({ dataDir, durable: false });
    await server.stop();
    expect((await stat(join(dataDir, "PG_VERSION"))).uid).toBe(1);
  });
});

describe("prepareBinaries", () => {
  let installed: string;

  beforeAll(async () => {
    installed = dirname(dirname(await prepareBinaries({ user: undefined, onNotice: () => undefined })));
  });

  /** The installed package as npm lays it down without install scripts: no links. */
  async function setup() {
    // Programs lie here, which what is kept in memory is often not allowed to hold.
    const folder = await makeFolder((prefix) => mkdtemp(join(tmpdir(), prefix)));
    const packageDir = join(folder, "shut", "package");
    await cp(installed, packageDir, { recursive: true, verbatimSymlinks: true });
    await chmod(dirname(packageDir), 0o755);
    await setModes(packageDir, 0o755);
    const links: { target: string }[] = JSON.parse(
      await readFile(join(packageDir, "native", "pg-symlinks.json"), "utf8"),
    );
    for (const { target } of links) await rm(join(packageDir, target));
    const temp = join(folder, "temp");
    await mkdir(temp);
    await chmod(temp, 0o755);
    vi.stubEnv("TMPDIR", temp);
    onTestFinished(() => void vi.unstubAllEnvs());
    const notices: string[] = [];
    const onNotice = (sentence: string) => notices.push(sentence);
    return { packageDir, shut: dirname(packageDir), temp, links, notices, onNotice };
  }

  /** Lays the package down as an install does whose umask takes away what is not in the mask. */
  async function setModes(packageDir: string, mask: number): Promise<void> {
    const entries = await readdir(packageDir, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((found) => !found.isSymbolicLink())) {
      const path = join(entry.parentPath, entry.name);
      const isRun = entry.isDirectory() || dirname(path).endsWith("bin");
      await chmod(path, (isRun ? 0o755 : 0o644) & mask);
    }
    await chmod(packageDir, 0o755 & mask);
  }

  async function startFrom(binDir: string) {
    const dataDir = join(await makeFolder(), "postgres");
    const server = await startEmbeddedPostgres({ dataDir, durable: false, binDir });
    await server.stop();
    return server;
  }

  it("makes the links in the package that an install without scripts left out", async () => {
    const { packageDir, links, notices, onNotice } = await setup();

    const binDir = await prepareBinaries({ user: undefined, onNotice, packageDir });
    expect(binDir).toBe(join(packageDir, "native", "bin"));
    expect(links.length).toBeGreaterThan(0);
    for (const { target } of links) expect((await lstat(join(packageDir, target))).isSymbolicLink()).toBe(true);
    expect(notices).toEqual([]);
    expect((await startFrom(binDir)).started).toBe(true);
  });

  it.runIf(isRoot)("makes a copy that runs, once, when the server's user cannot reach the package", async () => {
    const { packageDir, shut, temp, notices, onNotice } = await setup();
    await chmod(shut, 0o700);
    await setModes(packageDir, 0o700);
    const previous = process.umask(0o077);
    onTestFinished(() => void process.umask(previous));

    const binDir = await prepareBinaries({ user: nobody, onNotice, packageDir });
    expect(binDir.startsWith(`${temp}/keiyaku-postgres-`)).toBe(true);
    expect(notices).toEqual([expect.stringContaining("Copying")]);
    expect((await startFrom(binDir)).started).toBe(true);

    expect(await prepareBinaries({ user: nobody, onNotice, packageDir })).toBe(binDir);
    expect(notices).toHaveLength(1);
  });

  it.runIf(isRoot)("brings back what a cleaner took out of the copy", async () => {
    const { packageDir, shut, onNotice } = await setup();
    await chmod(shut, 0o700);
    const binDir = await prepareBinaries({ user: nobody, onNotice, packageDir });
    const share = join(dirname(binDir), "share", "postgresql");
    await rm(join(share, "timezonesets"), { recursive: true });
    await writeFile(join(share, "postgres.bki"), "half");

    await prepareBinaries({ user: nobody, onNotice, packageDir });
    expect((await startFrom(binDir)).started).toBe(true);
    expect(await readdir(join(share, "timezonesets"))).toContain("Default");
  });

  it.runIf(isRoot)("runs nothing from a copy that others can write or that someone else made", async () => {
    const { packageDir, shut, onNotice } = await setup();
    await chmod(shut, 0o700);
    const copy = dirname(dirname(await prepareBinaries({ user: nobody, onNotice, packageDir })));

    await chmod(copy, 0o777);
    await expect(prepareBinaries({ user: nobody, onNotice, packageDir })).rejects.toThrow("can be written by others");
    await chmod(copy, 0o755);
    await chown(copy, nobody.uid, nobody.gid);
    await expect(prepareBinaries({ user: nobody, onNotice, packageDir })).rejects.toThrow("made by someone else");
  });
});
