import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createClosing } from "../../../workers/closing.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = () => new Promise<never>(() => undefined);
const lasting = (ms: number) => () => new Promise<void>((resolve) => void setTimeout(resolve, ms));

/** When `run` ended, in milliseconds from its beginning, with what failed on the way. */
async function endOf(closing: ReturnType<typeof createClosing>) {
  const began = Date.now();
  const failures: unknown[] = [];
  const ended = closing.run((error) => void failures.push(error)).then(() => Date.now() - began);
  await vi.runAllTimersAsync();
  return { tookMs: await ended, failures };
}

describe("a process that stops", () => {
  it("drains everything at the same time, and closes only then, what was opened last first", async () => {
    const closing = createClosing();
    const order: string[] = [];
    const said = (name: string, ms: number) => async () => {
      await lasting(ms)();
      order.push(name);
    };
    closing.onClose(said("database", 10));
    closing.onDrain(said("operations", 3_000));
    closing.onClose(said("queue", 20));
    closing.onDrain(said("catalog", 2_000));

    expect(await endOf(closing)).toEqual({ tookMs: 3_030, failures: [] });
    expect(order).toEqual(["catalog", "operations", "queue", "database"]);
  });

  it("leaves what does not close to the end of the process after four seconds", async () => {
    const closing = createClosing();
    closing.onClose(never);
    closing.onDrain(lasting(25_000));

    const { tookMs, failures } = await endOf(closing);

    expect(tookMs).toBe(29_000);
    expect(failures).toMatchObject([{ name: "DeadlineMissed" }]);
  });

  it("goes on after what fails, and tells of it", async () => {
    const closing = createClosing();
    const close = vi.fn(lasting(0));
    closing.onClose(close);
    closing.onClose(() => Promise.reject(new Error("of the queue")));
    closing.onDrain(() => Promise.reject(new Error("of the worker")));

    const { failures } = await endOf(closing);

    expect(failures).toMatchObject([{ message: "of the worker" }, { message: "of the queue" }]);
    expect(close).toHaveBeenCalledOnce();
  });
});
