import { access, constants, mkdtemp, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Linux keeps what lies here in memory. Containers get 64 MB of it unless told. */
const memory = "/dev/shm";

/** A run's server holds its log and a dozen clones at a time, a few hundred megabytes; the machine wants some for itself. */
const ROOM_BYTES = 2 * 1024 ** 3;

/**
 * Makes a folder for a server's files: in memory where there is room, else among the temp files. A clone of a database is a
 * few hundred files, and making them on a disk takes ten times the processor's time. The caller removes it.
 */
export async function makeDataFolder(prefix: string): Promise<string> {
  return mkdtemp(join((await hasRoom(memory)) ? memory : tmpdir(), prefix));
}

async function hasRoom(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}
