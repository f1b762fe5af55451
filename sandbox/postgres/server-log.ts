import { type FileHandle, open } from "node:fs/promises";

/** What the server says, in a file beside its data: it outlives the process that started the server, as a pipe would not. */
export interface ServerLog {
  fd: number;
  /** Everything said since this log was opened. */
  read(): Promise<string>;
  close(): Promise<void>;
}

/** A server of ours says a few lines per start; a file beyond this has grown over a long time, and its past may go. */
const EMPTIED_BEYOND_BYTES = 5_000_000;

export async function openServerLog(path: string): Promise<ServerLog> {
  const handle: FileHandle = await open(path, "a+", 0o600);
  if ((await handle.stat()).size > EMPTIED_BEYOND_BYTES) await handle.truncate();
  const openedAt = (await handle.stat()).size;
  return {
    fd: handle.fd,
    async read() {
      const { size } = await handle.stat();
      const buffer = Buffer.alloc(Math.max(0, size - openedAt));
      await handle.read(buffer, 0, buffer.length, openedAt);
      return buffer.toString("utf8");
    },
    close: () => handle.close(),
  };
}

/** The lines that an error can carry: enough for FATAL, DETAIL and HINT with what led to them. */
export function lastLines(text: string): string {
  return text.trim().split("\n").slice(-12).join("\n");
}
