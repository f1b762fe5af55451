import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

/**
 * Ends a test run's output with `N passed, N failed, N skipped`, alone on a line, for programs that read logs.
 *
 * A file that could not be loaded and an error outside of every test count as one failure each: with them the run fails, and a
 * line that said `0 failed` about it would be wrong. For the same reason a run without a single file, such as one whose servers did
 * not start, gets no line.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    if (modules.length === 0) return;
    process.stdout.write(`\n${closingLine(modules, unhandledErrors.length)}\n`);
  }
}

function closingLine(modules: readonly TestModule[], unhandledErrorCount: number): string {
  let passed = 0;
  let failed = unhandledErrorCount;
  let skipped = 0;
  for (const module of modules) {
    if (module.errors().length > 0) failed += 1;
    for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failed += 1;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed += 1;
      else if (state === "failed") failed += 1;
      else skipped += 1;
    }
  }
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
