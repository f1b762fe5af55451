import { defineConfig } from "vitest/config";

const second = 1000;

/**
 * Files share a worker's modules: nothing here is mocked by module, and loading everything anew for each file took longer
 * than many a file's tests. Said in each project, since none of them takes it from the whole.
 */
const sharingModules = { isolate: false };

/** Projects with property tests say which examples these try. */
const withProperties = { ...sharingModules, setupFiles: ["./test/support/property-setup.ts"] };

/** For tests that start the built program. */
const withPrograms = {
  ...sharingModules,
  globalSetup: ["./test/support/build-setup.ts", "./test/support/global-setup.ts"],
  pool: "forks" as const,
  testTimeout: 120 * second,
  hookTimeout: 120 * second,
};

/** Left out of `e2e` on a slow machine; that project has exclusions of its own, and so hears of no others. */
const withoutDemo = process.env.TEST_WITHOUT_DEMO === "1" ? ["test/e2e/demo.test.ts"] : [];

/** What watches processes die and servers go away within bounds, which a crowded machine would blur. */
const faults = ["crash", "crash-sample", "outage", "shutdown", "metrics"].map(
  (name) => `test/e2e/workers/${name}.test.ts`,
);

/**
 * Six projects: `unit` starts nothing outside its process, `integration` meets real servers, `e2e` runs the built program, and
 * `faults` does so while something fails. What `npm test` leaves out: `crash` has every operation fail at every boundary,
 * and `disorder` delivers the events of a sequence in every order.
 *
 * Two cores are what the smallest machine of ours has. A third worker uses them while a test waits: for a server, for a program
 * that starts, or for a bound to pass. `e2e` comes after the others, and `faults`, which holds recoveries to bounds, comes last, so
 * that nothing heavy runs beside it.
 */
export default defineConfig({
  test: {
    maxWorkers: 3,
    // The servers of a run are stopped in it.
    teardownTimeout: 60 * second,
    reporters: ["default", "./test/support/closing-line-reporter.ts"],
    projects: [
      {
        // A property test takes a second on an idle machine; half a minute says "hung", not "crowded".
        test: { name: "unit", include: ["test/unit/**/*.test.ts"], ...withProperties, testTimeout: 30 * second },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts", "test/disorder/sequences.test.ts"],
          ...withProperties,
          globalSetup: ["./test/support/global-setup.ts"],
          pool: "forks",
          // A test that starts, kills and recovers a server takes seconds on an idle machine; half a minute says "hung", not "slow".
          testTimeout: 30 * second,
          hookTimeout: 60 * second,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: [...faults, ...withoutDemo],
          ...withPrograms,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "faults",
          include: faults,
          ...withPrograms,
          // They hold recoveries to bounds of seconds. A machine that stands still meanwhile blurs one; a fault of ours comes again.
          retry: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "disorder",
          include: ["test/disorder/exhaustive-*.test.ts"],
          ...sharingModules,
          globalSetup: ["./test/support/global-setup.ts"],
          pool: "forks",
          // A thousand orders of one sequence and more, a tenth of a second each.
          testTimeout: 3_600 * second,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "crash",
          include: ["test/crash/**/*.test.ts"],
          ...withPrograms,
          maxWorkers: 1,
          testTimeout: 300 * second,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
