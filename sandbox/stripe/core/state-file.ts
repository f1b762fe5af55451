import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";

/** Read in pieces, so that a long history is never one string. */
const CHUNK_BYTES = 1 << 20;

/**
 * An append-only file of JSON lines.
 *
 * A line is handed to the operating system before `append` returns, in one write, so it survives `kill -9` of this
 * process. It does not survive a loss of power: nothing is synced to the disk, which a sandbox does not need. The file
 * belongs to one process at a time.
 */
export class StateFile {
  readonly #descriptor: number;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, "a+");
  }

  /**
   * Every complete line, parsed. A last line without its end was cut off by a crash before anyone was answered: it is
   * dropped from the file. Any other damage throws, since a history with a hole in it would judge wrongly.
   */
  *read(): Generator<unknown> {
    let offset = 0;
    let lineNumber = 0;
    for (const line of this.#lines()) {
      lineNumber += 1;
      yield this.#parse(line, lineNumber);
      offset += line.length + 1;
    }
    ftruncateSync(this.#descriptor, offset);
  }

  append(entry: unknown): void {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    for (let written = 0; written < line.length; ) written += writeSync(this.#descriptor, line, written);
  }

  truncate(): void {
    ftruncateSync(this.#descriptor, 0);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #parse(line: Buffer, lineNumber: number): unknown {
    try {
      return JSON.parse(line.toString("utf8"));
    } catch (cause) {
      throw new Error(`The state file ${this.#path} is damaged at line ${lineNumber}`, { cause });
    }
  }

  *#lines(): Generator<Buffer> {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let pieces: Buffer[] = [];
    for (let position = 0; ; ) {
      const length = readSync(this.#descriptor, chunk, 0, chunk.length, position);
      if (length === 0) return;
      position += length;
      let start = 0;
      for (let end = chunk.indexOf(10); end !== -1 && end < length; end = chunk.indexOf(10, start)) {
        pieces.push(Buffer.from(chunk.subarray(start, end)));
        yield Buffer.concat(pieces);
        pieces = [];
        start = end + 1;
      }
      if (start < length) pieces.push(Buffer.from(chunk.subarray(start, length)));
    }
  }
}
