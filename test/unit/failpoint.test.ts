import { setImmediate as turn } from "node:timers/promises";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { FailpointConfig } from "../../src/config.ts";
import { createFailpoints, FailpointError, type Failpoints } from "../../src/failpoint.ts";

const point = "before:journal_intent";
const other = "after:journal_intent";

function setUp(...settings: (Omit<FailpointConfig, "operationId"> & Partial<FailpointConfig>)[]) {
  const said: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void said.push(JSON.parse(line)) });
  const failpoints = createFailpoints(
    settings.map((setting) => ({ operationId: null, ...setting })),
    log,
  ) as Failpoints;
  return { failpoints, said };
}

/** Whether the promise is still open once all that could end it by now has had its turn. */
async function isOpen(promise: Promise<unknown>): Promise<boolean> {
  await turn();
  return (await Promise.race([promise.then(() => "over"), turn("open")])) === "open";
}

test("each failpoint counts every passing of its name, those that hang included", async () => {
  const { failpoints, said } = setUp(
    { name: point, nth: 2, action: "hang" },
    { name: point, nth: 3, action: "throw" },
    { name: "*", nth: 5, action: "throw" },
  );

  await failpoints.pass(point);
  const hanging = Promise.resolve(failpoints.pass(point));
  await expect(failpoints.pass(point)).rejects.toThrow(FailpointError);
  await failpoints.pass(other);
  await expect(failpoints.pass(other)).rejects.toThrow(`failpoint ${other}`);

  expect(await isOpen(hanging)).toBe(true);
  expect(said).toMatchObject([{ msg: "hangs at a failpoint", failpoint: `${point}:2` }]);
});

test("one that names an operation counts what is passed during the work on that, and the log says when it is over", async () => {
  const { failpoints, said } = setUp({ name: point, nth: 2, action: "throw", operationId: "op-1" });
  const passTwice = async () => {
    await turn();
    await failpoints.pass(point);
    await failpoints.pass(point);
  };

  await failpoints.during("op-2", passTwice);
  await failpoints.during(undefined, passTwice);
  await passTwice();
  await expect(failpoints.during("op-1", passTwice)).rejects.toThrow(FailpointError);

  expect(said.map(({ operationId }) => operationId)).toEqual(["op-2", undefined, "op-1"]);
});

test("whatever pauses goes on once the process is continued", async () => {
  const { failpoints, said } = setUp({ name: point, nth: 1, action: "pause", operationId: "op-1" });

  const paused = failpoints.during("op-1", async () => failpoints.pass(point));
  expect(await isOpen(paused)).toBe(true);
  process.kill(process.pid, "SIGCONT");
  await paused;

  expect(said.map(({ msg }) => msg)).toEqual([
    "pauses at a failpoint",
    "work on an operation is over, failpoints and all",
  ]);
});

test("a name that is not registered cannot be passed", async () => {
  const { failpoints } = setUp({ name: "*", nth: 9, action: "throw" });

  await expect(failpoints.pass("before:something_new")).rejects.toThrow("there is no failpoint before:something_new");
});

test("without settings there is nothing to call", () => {
  expect(createFailpoints([], pino({ enabled: false }))).toBeUndefined();
});
