import { afterEach, describe, expect, it } from "vitest";
import { expectDryRuns } from "../../crash/dry-checks.ts";
import { type DryRun, type Point, runDry } from "../../crash/dry-run.ts";
import {
  type Case,
  cutCases,
  cutOff,
  killAtEach,
  loseReplies,
  lossCases,
  pauseAtEach,
  pointCases,
} from "../../crash/matrix.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";

/*
 * A fixed sample of what `npm run test:crash` runs in full: every failpoint of execution once, and some of every kind.
 */

afterEach(endWorkerProcesses);

let dry: Promise<readonly DryRun[]> | undefined;
const dryRuns = () => {
  dry ??= runDry();
  return dry;
};

/** The same cases each time: every so manyth, beginning with one of the first. */
function every<Fault>(count: number, cases: readonly Case<Fault>[], first = 0): readonly Case<Fault>[] {
  return cases.filter((_, index) => index % count === first);
}

/** Of each failpoint the nth case, or the last where there are not as many: the nth comes from another kind each time. */
function ofEachPoint(nth: number, cases: readonly Case<Point>[]): readonly Case<Point>[] {
  const names = [...new Set(cases.map(({ fault }) => fault.name))];
  return names.flatMap((name) => {
    const own = cases.filter(({ fault }) => fault.name === name);
    return own.slice((nth * 7) % own.length).slice(0, 1);
  });
}

function tell(cases: readonly unknown[], all: readonly unknown[], what: string): void {
  console.info(`crash sample: ${cases.length} of ${all.length} cases, ${what}`);
}

describe("operations in which nothing goes wrong", () => {
  it("come to what the specification says, and pass every failpoint of execution", async () => {
    expectDryRuns(await dryRuns());
  });
});

describeOnBackends("a worker that is killed", (type) => {
  it("is followed by others that end its operations as if nothing had happened", async () => {
    const all = pointCases(await dryRuns());
    // What differs between the backends is the queue alone: every other point shows that one of them holds, too.
    const cases = type === "postgres" ? ofEachPoint(0, all) : ofEachPoint(1, all).filter((_, index) => index % 2 === 0);
    await killAtEach(type, cases);
    tell(cases, all, `killed, queue on ${type}`);
  });
});

describe("a worker that sleeps beyond its locks", () => {
  it("changes nothing when it goes on, after another has taken over", async () => {
    const all = pointCases(await dryRuns());
    const cases = ofEachPoint(2, all).filter((_, index) => index % 2 === 0);
    await pauseAtEach("postgres", cases);
    tell(cases, all, "paused");
  });
});

describe("a reply that is lost", () => {
  it("of Stripe's is looked up, or asked for again under the same key", async () => {
    const all = lossCases(await dryRuns());
    const cases = every(10, all);
    await loseReplies("postgres", cases);
    tell(cases, all, "with a reply of Stripe's lost");
  });

  it("of the database's is asked for again", async () => {
    const all = cutCases(await dryRuns());
    const cases = ofEachPoint(3, all);
    await cutOff("postgres", cases);
    tell(cases, all, "with a statement cut off");
    expect(cases.length).toBeGreaterThan(20);
  });
});
