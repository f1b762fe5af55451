import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";

describe("eventually", () => {
  it("gives the first value that is something", async () => {
    let probes = 0;
    const value = await eventually(
      () => {
        probes += 1;
        return probes > 2 && "third";
      },
      { withinMs: 5_000, everyMs: 1 },
    );
    expect(value).toBe("third");
    expect(probes).toBe(3);
  });

  it("tells what it waited for and why the last probe failed", async () => {
    const failing = eventually(() => Promise.reject(new Error("no ink")), { withinMs: 0, describe: "a letter" });
    await expect(failing).rejects.toThrow("Waited 0 ms for a letter; the last probe threw: no ink");
    await expect(eventually(() => 0, { withinMs: 0 })).rejects.toThrow("the last probe gave 0");
  });
});
