import { describe, expect, it } from "vitest";
import { eachAtOnce } from "../../src/each-at-once.ts";

/** A work that the test ends item by item. */
function heldWork() {
  const begun: number[] = [];
  const ends = new Map<number, { resolve(): void; reject(error: Error): void }>();
  const work = (item: number) => {
    begun.push(item);
    return new Promise<void>((resolve, reject) => {
      ends.set(item, { resolve, reject });
    });
  };
  return {
    begun,
    work,
    end: (item: number) => ends.get(item)?.resolve(),
    fail: (item: number, error: Error) => ends.get(item)?.reject(error),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("doing a work for each of many at once", () => {
  it("has no more under way than the limit, and begins the next when one ends", async () => {
    const { begun, work, end } = heldWork();
    const all = eachAtOnce([1, 2, 3, 4], 2, work);
    await turn();
    expect(begun).toEqual([1, 2]);
    end(2);
    await turn();
    expect(begun).toEqual([1, 2, 3]);
    end(1);
    end(3);
    await turn();
    end(4);
    await all;
    expect(begun).toEqual([1, 2, 3, 4]);
  });

  it("begins nothing more after a failure, waits for what is under way, and rejects with the first", async () => {
    const { begun, work, end, fail } = heldWork();
    let settled = false;
    const all = eachAtOnce([1, 2, 3], 2, work).finally(() => {
      settled = true;
    });
    const rejected = expect(all).rejects.toThrow("first");
    await turn();
    fail(1, new Error("first"));
    await turn();
    expect({ begun, settled }).toEqual({ begun: [1, 2], settled: false });
    end(2);
    await rejected;
    expect(begun).toEqual([1, 2]);
  });

  it("has nothing to do for nothing", async () => {
    await expect(eachAtOnce([], 3, () => Promise.reject(new Error("never")))).resolves.toBeUndefined();
  });
});
