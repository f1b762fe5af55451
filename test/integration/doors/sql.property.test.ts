import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Acceptance } from "../../../src/store/accept-request.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { frozenRequests } from "../../support/frozen-payloads.ts";
import { readBack, refusalsSay } from "../../support/hostile/read-back.ts";
import { examples, examplesTimeoutMs, within } from "../../support/hostile/try-examples.ts";
import { hostileJson, mutated } from "../../support/hostile/values.ts";

/*
 * The door of other languages, which no code of ours stands before: `keiyaku.request` answers whatever PostgreSQL takes as
 * `jsonb`, names the field at fault, and what it accepts can be carried out and read back.
 */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
  await bench.perform({ id: "register-c-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
});
afterAll(() => bench.close());

const requests = frozenRequests.map(({ data }) => {
  const { requestedAt: _, ...rest } = data.request as Record<string, unknown>;
  return rest;
});

/** What PostgreSQL says of a text that is no `jsonb`, before the door is asked: not JSON, no text of Unicode, nested too deep. */
const noJsonb = ["22P02", "22P05", "54001", "22003", "54000"];

it(
  "answers any jsonb",
  async () => {
    const answers: Record<string, number> = {};
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 9, arbitrary: mutated(...requests) }, { weight: 1, arbitrary: hostileJson }),
        async (text) => {
          count += 1;
          const own = text.replace(/"id":"[\w-]+-1"/, `"id":"sql-${count}"`);
          // A statement of its own, as the door sees what PostgreSQL has taken.
          const taken = await bench.sql`select ${own}::text::jsonb as taken`.catch(
            ({ code }: { code: string }) => code,
          );
          if (typeof taken === "string") {
            expect(noJsonb).toContain(taken);
            answers.noJsonb = (answers.noJsonb ?? 0) + 1;
            return;
          }
          const [row] = await within(
            5_000,
            "the door",
            bench.sql<{ acceptance: Acceptance }[]>`select keiyaku.request(${own}::text::jsonb) as acceptance`,
          );
          const { acceptance } = row as { acceptance: Acceptance };
          answers[acceptance.answer] = (answers[acceptance.answer] ?? 0) + 1;
          if (!("operation" in acceptance)) {
            expect(acceptance.field).toMatch(/./s);
            expect(acceptance.problem).toMatch(/./);
            return;
          }
          await bench.execute(acceptance.operation.id);
          await readBack(bench, acceptance.operation.id);
        },
      ),
      { numRuns: examples(100) },
    );
    expect(Object.keys(answers)).toEqual(expect.arrayContaining(["accepted", "invalid_request", "noJsonb"]));
    expect(await refusalsSay(bench)).toBeGreaterThan(10);
  },
  examplesTimeoutMs,
);
