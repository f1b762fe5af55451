import type { WriteStream } from "node:tty";
import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

/** Where a command writes: its data, or everything else. */
export interface Output {
  write(text: string): void;
  /** The terminal behind it, on which progress can be drawn; null for a file or a pipe. */
  readonly terminal: WriteStream | null;
  readonly hasColors: boolean;
}

/** An output onto a stream of this process. Colours only on a terminal, and never with NO_COLOR. */
export function outputOnto(stream: NodeJS.WriteStream): Output {
  // A reader that has gone away (`| head`) is no failure: what is written from then on goes nowhere.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  return {
    write: (text) => void stream.write(text),
    terminal: stream.isTTY ? (stream as WriteStream) : null,
    // The runtime knows whether the stream shows colours, and reads NO_COLOR and its relatives.
    hasColors: styleText("bold", "x", { stream }) !== "x",
  };
}

/** The text in a format, where the output shows formats. */
export function paint({ hasColors }: Output, format: Format, text: string): string {
  return hasColors ? styleText(format, text, { validateStream: false }) : text;
}

/** Writes a line of data for people, or says something on the side. */
export function writeLine(output: Output, line = ""): void {
  output.write(`${line}\n`);
}

/** Writes one value as JSON in one line, for programs. */
export function writeJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value)}\n`);
}

/**
 * Somebody's text made fit for one line of a terminal: control characters, which could move the cursor or hide what
 * stands there, become spaces, and what is longer than `lengthMax` is cut.
 */
export function plainText(text: string, lengthMax = 2_000): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu, " ").trim();
  if (line.length <= lengthMax) return line;
  let cut = "";
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    if (cut.length + segment.length >= lengthMax) break;
    cut += segment;
  }
  return `${cut}…`;
}
