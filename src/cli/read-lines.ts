/** A line of a file, counted from 1, without its end. `bytes` is null for one that was too long to be kept. */
export interface NumberedLine {
  readonly number: number;
  readonly bytes: Buffer | null;
  /** How many bytes of the file lie before the next line. */
  readonly endsAt: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Reads a stream line by line and keeps no more than one chunk and one line of at most `bytesMax` in memory, however long
 * the lines are. Lines end in LF or CRLF; the last may end with the file.
 */
export async function* readLines(source: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<NumberedLine> {
  let number = 1;
  let endsAt = 0;
  let kept: Buffer[] = [];
  let length = 0;
  const keep = (part: Buffer) => {
    length += part.length;
    // Half a line is of no use: of one that is too long only the length is kept.
    kept = length > bytesMax ? [] : [...kept, part];
  };
  const take = (): NumberedLine => {
    const bytes = length > bytesMax ? null : withoutCarriageReturn(Buffer.concat(kept));
    kept = [];
    length = 0;
    return { number: number++, bytes, endsAt };
  };
  for await (const chunk of source) {
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, from)) {
      keep(chunk.subarray(from, at));
      endsAt += at + 1 - from;
      from = at + 1;
      yield take();
    }
    endsAt += chunk.length - from;
    if (from < chunk.length) keep(chunk.subarray(from));
  }
  if (length > 0) yield take();
}

function withoutCarriageReturn(bytes: Buffer): Buffer {
  return bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes;
}
