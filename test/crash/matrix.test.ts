import { afterAll, afterEach, describe, it } from "vitest";
import { endWorkerProcesses } from "../support/worker-process.ts";
import { expectDryRuns } from "./dry-checks.ts";
import { type DryRun, runDry } from "./dry-run.ts";
import { type Case, cutCases, cutOff, killAtEach, loseReplies, lossCases, pauseAtEach, pointCases } from "./matrix.ts";
import { scenarios } from "./scenarios.ts";

afterEach(endWorkerProcesses);

/** As many kinds of operations as one worker is at work on at once, each at all its boundaries. */
const scenariosPerWorker = 4;
const groups = Array.from({ length: Math.ceil(scenarios.length / scenariosPerWorker) }, (_, index) => {
  const own = scenarios.slice(index * scenariosPerWorker, (index + 1) * scenariosPerWorker);
  return { kinds: own.map(({ name }) => name).join(", "), own };
});

let dry: Promise<readonly DryRun[]> | undefined;
const dryRuns = () => (dry ??= runDry());

const counts = { killed: 0, paused: 0, "reply of Stripe's lost": 0, "statement cut off": 0 };
afterAll(() => {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const parts = Object.entries(counts).map(([fault, count]) => `${count} ${fault}`);
  console.info(`crash matrix: ${total} cases of ${scenarios.length} operations: ${parts.join(", ")}`);
});

/** Runs the cases of a group, and counts them once they have held. */
async function hold<Fault>(
  own: readonly DryRun["scenario"][],
  fault: keyof typeof counts,
  casesOf: (runs: readonly DryRun[]) => readonly Case<Fault>[],
  run: (type: "postgres", cases: readonly Case<Fault>[]) => Promise<void>,
): Promise<void> {
  const cases = casesOf((await dryRuns()).filter(({ scenario }) => own.includes(scenario)));
  await run("postgres", cases);
  counts[fault] += cases.length;
}

describe("operations in which nothing goes wrong", () => {
  it("come to what the specification says, and pass every failpoint of execution", async () => {
    expectDryRuns(await dryRuns());
  });
});

describe("at every boundary of every kind", () => {
  it.each(groups)("a worker is killed: $kinds", ({ own }) => hold(own, "killed", pointCases, killAtEach));
  it.each(groups)("a worker sleeps beyond its locks: $kinds", ({ own }) =>
    hold(own, "paused", pointCases, pauseAtEach),
  );
  it.each(groups)("Stripe's reply is lost: $kinds", ({ own }) =>
    hold(own, "reply of Stripe's lost", lossCases, loseReplies),
  );
  it.each(groups)("the database is cut off: $kinds", ({ own }) => hold(own, "statement cut off", cutCases, cutOff));
});
