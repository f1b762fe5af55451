import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";

test("now and nowMs tell the machine's time, alike", () => {
  const before = Date.now();
  const now = systemClock.now();
  const nowMs = systemClock.nowMs();
  const after = Date.now();

  expect(now).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  for (const told of [Date.parse(now), nowMs]) {
    expect(told).toBeGreaterThanOrEqual(before);
    expect(told).toBeLessThanOrEqual(after);
  }
});

describe("sleep", () => {
  test("lasts as long as it was asked to, by the monotonic clock", async () => {
    const startedAt = systemClock.monotonicMs();

    await systemClock.sleep(30);

    // A timer may fire a fraction of a millisecond early by this clock.
    expect(systemClock.monotonicMs() - startedAt).toBeGreaterThan(28);
  });

  test.each([0, -5])("of %d ms is over in the next turn", async (ms) => {
    await expect(systemClock.sleep(ms)).resolves.toBeUndefined();
  });

  test.each([60_000, 2 ** 31, 1e12])("of %d ms ends when it is aborted, and not before", async (ms) => {
    const abort = new AbortController();
    const sleeping = systemClock.sleep(ms, abort.signal);
    const ended = sleeping.then(
      () => "slept",
      (error: unknown) => (error as Error).name,
    );

    const first = await Promise.race([ended, systemClock.sleep(20).then(() => "still asleep")]);
    abort.abort();

    expect(first).toBe("still asleep");
    expect(await ended).toBe("AbortError");
  });

  test("that is aborted before it begins does not begin", async () => {
    await expect(systemClock.sleep(0, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  });
});
