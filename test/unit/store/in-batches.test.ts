import { describe, expect, it } from "vitest";
import { type Batches, inBatches } from "../../../src/store/in-batches.ts";
import { StoreError } from "../../../src/store/store-error.ts";

/** Batches that answer when the test lets them, each item with its double. */
function setup(overrides: Partial<Batches<number, number>> = {}) {
  const batches: { readonly items: readonly number[]; end(error?: Error): Promise<void> }[] = [];
  const ask = inBatches<number, number>({
    sizeMax: 10,
    lanes: 1,
    run: (items) =>
      new Promise((resolve, reject) => {
        const end = async (error?: Error) => {
          if (error === undefined) resolve(items.map((item) => item * 2));
          else reject(error);
          await settled();
        };
        batches.push({ items, end });
      }),
    ...overrides,
  });
  return { ask, batches, sizes: () => batches.map(({ items }) => items) };
}

/** Everything that follows from what has happened so far, has. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const conflict = () => new StoreError("conflict", "40001", "settle_requests");
const outage = () => new StoreError("unreachable", "deadline", "settle_requests");

describe("inBatches", () => {
  it("lets nobody wait for company", () => {
    const { ask, sizes } = setup();
    void ask(1);
    expect(sizes()).toEqual([[1]]);
  });

  it("does together what was asked for while a batch was on its way, and answers each with its own", async () => {
    const { ask, batches, sizes } = setup();
    const answers = Promise.all([1, 2, 3].map(ask));
    await batches[0]?.end();
    expect(sizes()).toEqual([[1], [2, 3]]);
    await batches[1]?.end();
    expect(await answers).toEqual([2, 4, 6]);
  });

  it("has as many on their way as there are lanes", async () => {
    const { ask, batches, sizes } = setup({ lanes: 2 });
    for (const item of [1, 2, 3, 4]) void ask(item);
    expect(sizes()).toEqual([[1], [2]]);
    await batches[1]?.end();
    expect(sizes()).toEqual([[1], [2], [3, 4]]);
  });

  it("puts no more than so many into one", async () => {
    const { ask, batches, sizes } = setup({ sizeMax: 2 });
    for (const item of [1, 2, 3, 4]) void ask(item);
    await batches[0]?.end();
    await batches[1]?.end();
    expect(sizes()).toEqual([[1], [2, 3], [4]]);
  });

  it("keeps items of one key apart, in their order", async () => {
    const { ask, batches, sizes } = setup({ keyOf: (item) => String(item % 10) });
    for (const item of [1, 12, 22, 3, 32]) void ask(item);
    await batches[0]?.end();
    await batches[1]?.end();
    await batches[2]?.end();
    expect(sizes()).toEqual([[1], [12, 3], [22], [32]]);
  });

  it("lets each go again alone when one is at fault, and only that one fails", async () => {
    const { ask, batches, sizes } = setup();
    const answers = Promise.allSettled([1, 2, 3].map(ask));
    await batches[0]?.end();
    await batches[1]?.end(conflict());
    expect(sizes()).toEqual([[1], [2, 3], [2], [3]]);
    const error = conflict();
    await batches[2]?.end(error);
    await batches[3]?.end();
    expect(await answers).toEqual([
      { status: "fulfilled", value: 2 },
      { status: "rejected", reason: error },
      { status: "fulfilled", value: 6 },
    ]);
  });

  it("repeats nothing after an outage: nobody knows whether it took effect", async () => {
    const { ask, batches, sizes } = setup();
    const answers = Promise.allSettled([1, 2, 3].map(ask));
    await batches[0]?.end();
    const error = outage();
    await batches[1]?.end(error);
    expect((await answers).slice(1)).toEqual([
      { status: "rejected", reason: error },
      { status: "rejected", reason: error },
    ]);
    expect(sizes()).toEqual([[1], [2, 3]]);
  });

  it("goes on after a batch that failed", async () => {
    const { ask, batches, sizes } = setup();
    const first = expect(ask(1)).rejects.toThrow("conflict");
    void ask(2);
    await batches[0]?.end(conflict());
    await first;
    expect(sizes()).toEqual([[1], [2]]);
  });
});
