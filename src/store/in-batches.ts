import { isOutage } from "./store-error.ts";

/** How what is asked for at the same time is done together. */
export interface Batches<Item, Result> {
  /** Items of the same key never share a batch. Left out, any may. */
  readonly keyOf?: (item: Item) => string;
  /** The most that goes into one batch. */
  readonly sizeMax: number;
  /** How many batches may be on their way at once. */
  readonly lanes: number;
  /** Does it all or throws having done nothing, unless the database was out of reach; answers in the items' order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does together what is asked for while earlier batches are on their way, so that many share one round trip and one commit.
 * Nobody waits for company: what finds a lane free goes at once.
 *
 * When a batch fails, each of its items goes again alone, and only those that are at fault fail. After an outage nobody knows
 * whether it took effect: then all of them fail, and whoever asked finds out.
 */
export function inBatches<Item, Result>(batches: Batches<Item, Result>): (item: Item) => Promise<Result> {
  const { keyOf, sizeMax, lanes, run } = batches;
  let waiting: Waiting<Item, Result>[] = [];
  let onTheirWay = 0;

  const takeBatch = (): Waiting<Item, Result>[] => {
    const keys = new Set<string>();
    const batch: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    for (const one of waiting) {
      const key = keyOf?.(one.item);
      if (batch.length === sizeMax || (key !== undefined && keys.has(key))) {
        left.push(one);
      } else {
        batch.push(one);
        if (key !== undefined) keys.add(key);
      }
    }
    waiting = left;
    return batch;
  };

  const carryOut = async (batch: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (batch.length === 1 || isOutage(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      await Promise.all(batch.map((one) => carryOut([one])));
    }
  };

  const next = (): void => {
    if (onTheirWay >= lanes || waiting.length === 0) return;
    onTheirWay += 1;
    void travel(takeBatch());
  };

  const travel = async (batch: readonly Waiting<Item, Result>[]): Promise<void> => {
    await carryOut(batch);
    onTheirWay -= 1;
    next();
  };

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      next();
    });
}
