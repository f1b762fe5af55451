import { stat } from "node:fs/promises";
import { dirname } from "node:path";

/** The user and group under which the server's programs run. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** `nobody` and `nogroup`, present in every Debian and in most images, owner of nothing that matters. */
const NOBODY: ServerUser = { uid: 65534, gid: 65534 };

/** The way out that every sentence about an embedded server that cannot run ends with. */
export const WAY_OUT = "Set DATABASE_URL to use a PostgreSQL of your own.";

/**
 * Chooses the user for the server over this data folder; `undefined` means the user that this process runs as.
 *
 * PostgreSQL refuses to run as root, so root lends it `nobody`, or the owner of a data folder that an ordinary user made: that
 * user's next run must still be able to open it. Nothing of the system is changed for it, no account is made.
 */
export async function chooseServerUser(dataDir: string): Promise<ServerUser | undefined> {
  const ourUid = process.getuid?.();
  if (ourUid === undefined) throw new Error(`The embedded PostgreSQL does not run on ${process.platform}. ${WAY_OUT}`);
  const owner = await stat(dataDir).catch(() => undefined);
  if (ourUid === 0) return owner === undefined || owner.uid === 0 ? NOBODY : { uid: owner.uid, gid: owner.gid };
  if (owner !== undefined && owner.uid !== ourUid) {
    throw new Error(
      `${dataDir} belongs to user ${owner.uid}, and this is user ${ourUid}; a run as root makes such a folder. ` +
        `Run as that user or as root, or remove the folder, or: ${WAY_OUT}`,
    );
  }
  return undefined;
}

/**
 * Tells whether the user may read and run (or enter) this path and enter every folder above it, by owner, group and mode.
 *
 * Access lists beyond the mode are not looked at; where they decide, the system's own refusal is what the caller gets to see.
 */
export async function canReach(path: string, user: ServerUser): Promise<boolean> {
  if (!(await allows(path, user, 0o5))) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (!(await allows(folder, user, 0o1))) return false;
    if (folder === dirname(folder)) return true;
  }
}

async function allows(path: string, user: ServerUser, bits: number): Promise<boolean> {
  const { mode, uid, gid } = await stat(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}
