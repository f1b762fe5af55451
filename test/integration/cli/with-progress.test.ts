import { PassThrough } from "node:stream";
import type { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import type { Output } from "../../../src/cli/output.ts";
import { withProgress } from "../../../src/cli/with-progress.ts";
import { systemClock } from "../../../src/clock.ts";

/** A terminal that remembers what it was sent. */
function makeTerminal() {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 40 });
  let shown = "";
  stream.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const output: Output = {
    write: (text) => void stream.write(text),
    terminal: stream as unknown as WriteStream,
    hasColors: false,
  };
  return { output, shown: () => stripVTControlCharacters(shown) };
}

function makeLog() {
  let written = "";
  const output: Output = {
    write(text) {
      written += text;
    },
    terminal: null,
    hasColors: false,
  };
  return { output, written: () => written };
}

describe("progress", () => {
  it("is a bar on a terminal, and what was said meanwhile stands below it", async () => {
    const { output, shown } = makeTerminal();

    const value = await withProgress({ err: output, clock: systemClock }, "Importing", async (report) => {
      report(0.5, "200 lines");
      output.write("error bad: line 7\n");
      report(1, "400 lines");
      return 42;
    });
    expect(value).toBe(42);
    expect(shown()).toMatch(/Importing {2}█{24} 100 % {2}400 lines\s+error bad: line 7/);
  });

  it("ends with the failure of the work", async () => {
    const { output, shown } = makeTerminal();
    const failing = withProgress({ err: output, clock: systemClock }, "Importing", () =>
      Promise.reject(new Error("gone")),
    );

    await expect(failing).rejects.toThrow("gone");
    output.write("afterwards\n");
    expect(shown()).toContain("afterwards");
  });

  it("is a plain line every five seconds elsewhere", async () => {
    const { output, written } = makeLog();
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => nowMs };

    await withProgress({ err: output, clock }, "Importing", async (report) => {
      for (nowMs = 0; nowMs <= 11_000; nowMs += 1_000) report(nowMs / 11_000, `${nowMs} lines`);
      report(null, "not yet");
    });
    expect(written()).toBe("Importing: 45 %, 5000 lines\nImporting: 90 %, 10000 lines\n");
  });
});
