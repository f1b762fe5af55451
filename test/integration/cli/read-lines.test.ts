import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLines } from "../../../src/cli/read-lines.ts";

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0;
  for (let turn = 0; from < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

async function linesOf(bytes: Buffer, sizes: readonly number[], bytesMax = 1_000) {
  const lines = [];
  for await (const line of readLines(chunksOf(bytes, sizes), bytesMax)) {
    lines.push({ ...line, bytes: line.bytes?.toString() ?? null });
  }
  return lines;
}

describe("reading lines", () => {
  it("gives every line with its number, however the chunks fall, with LF or CRLF", async () => {
    const line = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !/[\r\n]/.test(text));
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 8 }),
        fc.constantFrom("\n", "\r\n"),
        sizes,
        async (texts, end, at) => {
          const bytes = Buffer.from(texts.map((text) => `${text}${end}`).join(""));
          const lines = await linesOf(bytes, at);
          expect(lines.map(({ number, bytes: read }) => [number, read])).toEqual(texts.map((text, i) => [i + 1, text]));
          expect(lines.at(-1)?.endsAt ?? 0).toBe(bytes.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("gives the last line without an end, and none after an end", async () => {
    expect((await linesOf(Buffer.from("a\nb"), [2])).map((line) => line.bytes)).toEqual(["a", "b"]);
    expect((await linesOf(Buffer.from("a\nb\n"), [2])).map((line) => line.bytes)).toEqual(["a", "b"]);
  });

  it("names a line that is too long without keeping it, and goes on with the next", async () => {
    const bytes = Buffer.from(`${"x".repeat(11)}\n${"y".repeat(10)}\n`);
    expect(await linesOf(bytes, [3], 10)).toEqual([
      { number: 1, bytes: null, endsAt: 12 },
      { number: 2, bytes: "y".repeat(10), endsAt: 23 },
    ]);
  });
});
