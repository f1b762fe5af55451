import { describe, expect, it } from "vitest";
import { attemptsCountedMax, jittered, retryDelayMs } from "../../../src/execution/back-off.ts";

const steady = () => 0;
const hurried = () => 0.999_999;

describe("the wait after a counted attempt", () => {
  it("doubles from two seconds up to a quarter of an hour", () => {
    const waits = Array.from({ length: 12 }, (_, index) => retryDelayMs(index + 1, steady));
    expect(waits.slice(0, 4)).toEqual([2_000, 4_000, 8_000, 16_000]);
    expect(waits.at(-1)).toBe(900_000);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  });

  it("is shortened by jitter, by a quarter at the most", () => {
    expect(retryDelayMs(1, hurried)).toBeGreaterThanOrEqual(1_500);
    expect(retryDelayMs(1, hurried)).toBeLessThan(2_000);
  });

  it("adds up to about half an hour before a person is asked", () => {
    const waits = Array.from({ length: attemptsCountedMax - 1 }, (_, index) => retryDelayMs(index + 1, steady));
    const minutes = waits.reduce((sum, wait) => sum + wait, 0) / 60_000;
    expect(minutes).toBeGreaterThan(15);
    expect(minutes).toBeLessThan(45);
  });
});

describe("the wait of what was put off", () => {
  it("is never shorter than its cause asks for, and longer by a quarter at the most", () => {
    expect(jittered(2_000, steady)).toBe(2_000);
    expect(jittered(2_000, hurried)).toBeLessThanOrEqual(2_500);
  });
});
