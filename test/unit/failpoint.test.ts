import { pino } from "pino";
import { expect, test } from "vitest";
import { createFailpoint, FailpointError } from "../../src/failpoint.ts";

test("each failpoint counts every passing of its name, those that hang included", async () => {
  const said: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void said.push(JSON.parse(line)) });
  const pass = createFailpoint(
    [
      { name: "before:a", nth: 2, action: "hang" },
      { name: "before:a", nth: 3, action: "throw" },
      { name: "*", nth: 5, action: "throw" },
    ],
    log,
  );

  await pass("before:a");
  let isPast = false;
  void Promise.resolve(pass("before:a")).then(() => {
    isPast = true;
  });
  await expect(pass("before:a")).rejects.toThrow(FailpointError);
  await pass("before:b");
  await expect(pass("before:b")).rejects.toThrow("failpoint before:b");

  expect(isPast).toBe(false);
  expect(said).toMatchObject([{ msg: "hangs at a failpoint", failpoint: "before:a:2" }]);
});
