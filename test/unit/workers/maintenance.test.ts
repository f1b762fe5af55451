import type { Queue } from "bullmq";
import { expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import type { Database } from "../../../src/store/database.ts";
import { sweep } from "../../../workers/maintenance.ts";
import { silentLog } from "../../support/test-database.ts";

/** A sweep over a queue with so many jobs, and a ledger in which one operation is silent. */
function setup(jobs: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  const rungFor: unknown[] = [];
  const db = {
    run: async (name: string) => {
      asked.push(name);
      return [{ id: "silent-1", attempt: 1, rings: 2 }];
    },
  } as unknown as Database;
  const queue = {
    getJobCountByTypes: async (...states: readonly string[]) =>
      states.reduce((sum, state) => sum + (jobs[state] ?? 0), 0),
    addBulk: async (bells: readonly { readonly data: unknown }[]) =>
      void rungFor.push(...bells.map(({ data }) => data)),
  } as unknown as Queue;
  return { asked, rungFor, swept: sweep({ db, queue, clock: systemClock, log: silentLog }) };
}

it.each([{ waiting: 1_000 }, { prioritized: 1_000 }, { waiting: 0, active: 5_000, delayed: 5_000 }])(
  "a sweep rings for what is silent while the queue is short: %j",
  async (jobs) => {
    const { swept, rungFor } = setup(jobs);

    expect(await swept).toBe(1);
    expect(rungFor).toMatchObject([{ operationId: "silent-1" }]);
  },
);

it.each([{ waiting: 1_001 }, { prioritized: 1_001 }, { waiting: 500, prioritized: 501 }])(
  "a sweep leaves a long queue alone, and takes nobody's turn to be rung for: %j",
  async (jobs) => {
    const { swept, asked, rungFor } = setup(jobs);

    expect(await swept).toBe(0);
    expect(asked).toEqual([]);
    expect(rungFor).toEqual([]);
  },
);
