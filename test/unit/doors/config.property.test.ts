import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, readConfig, settingNames } from "../../../src/config.ts";
import { examples, examplesTimeoutMs } from "../../support/hostile/try-examples.ts";
import { oddTexts } from "../../support/hostile/values.ts";

/*
 * Whatever the environment says, it is read, or refused in sentences: each names its variable and says what to do, all of them
 * at once, and none says what a secret is.
 */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "keiyaku-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const secretNames = settingNames.filter((name) => name.endsWith("_FILE")).map((name) => name.replace(/_FILE$/, ""));
/** Names that end a setting's own name, as the file of a secret. */
const plainNames = settingNames.filter((name) => !name.endsWith("_FILE") && !secretNames.includes(name));

/** What is like something that a setting takes, and what is not. No environment holds NUL. */
const values = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom(...oddTexts) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "0",
        "1",
        "65536",
        "8787",
        "99999999999999999999",
        "production",
        "true",
        "Asia/Tokyo",
        "asia/tokyo",
        "+09:00",
        "Etc/Unknown",
        "24:00",
        "3:00",
        "2018-08-04",
        "refund",
        "127.0.0.1",
        "::",
        "a@b.example, c@d.example",
        "<a@b.example>",
        "<<a@b>>",
        "http://127.0.0.1:1/path",
        "http://user:password@h/",
        "javascript:alert(1)",
        "acct_1",
        "before:settle_operation:1:throw",
        "*:0:kill",
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom("x", " ", "<", ",", "=", "%", "🧾", "(a"), fc.constantFrom(300, 100_000))
        .map(([unit, times]) => unit.repeat(times)),
    },
  )
  .map((text) => text.replaceAll("\0", "0"));

const canary = "Xk9canary7Qz";

/** Secrets of which each holds the canary somewhere. */
const secrets = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      `postgres://user:${canary}@host:5432/database`,
      `postgres://user:${canary}/x@host/database`,
      `postgres://user:${canary}#@host/database?sslmode=${canary}`,
      `postgres://${canary}@host`,
      `postgres://user:%zz${canary}@host/database`,
      `mysql://user:${canary}@host/database`,
      `redis://:${canary}@host:6379/0`,
      `redis://:%zz${canary}@host:6379`,
      `redis://:${canary}@host:99999999`,
      `redis://:p@host/${canary}`,
      `redis://:p@host/0?${canary}=1`,
      `http://${canary}`,
      `smtp://user:${canary}@host:587`,
      `smtps://user:${canary}@host?tls=off`,
      `smtp://user:%E3${canary}@host`,
      `smtp://${canary}@host`,
      `sk_live_${canary}`,
      `sk_test_${canary}`,
      `pk_live_${canary}`,
      `whsec_${canary}01234567`,
      `whsec_${canary}`,
      Array.from({ length: 12 }, (_, index) => `whsec_${canary}0123456${index}`).join(","),
      `operator:alice=${canary}${"0".repeat(32)}`,
      `operator:alice=${canary}${"0".repeat(32)},service:shop=${canary}${"0".repeat(32)}`,
      `operator:${canary}=short`,
      `${canary}:alice=${"0".repeat(40)}`,
      `operator:al\0ice=${canary}${"0".repeat(32)}`,
      `authorization=${canary}`,
      `authorization=${canary}%0Aevil: 1`,
      `é=${canary}`,
      `${canary}`,
    ),
  },
  { weight: 1, arbitrary: values.map((value) => `${value.slice(0, 40)}${canary}${value.slice(40)}`) },
  { weight: 1, arbitrary: values.map((value) => `${canary}${value}`) },
);

/** Each secret in the environment itself or in a file; what a file may hold, the environment may not. */
const given = fc.record({
  plain: fc.dictionary(fc.constantFrom(...plainNames), values, { maxKeys: 8 }),
  secret: fc.dictionary(
    fc.constantFrom(...secretNames),
    fc.tuple(secrets, fc.constantFrom("set", "set", "file", "both", "path")),
    { maxKeys: 5 },
  ),
});

function environmentOf({
  plain,
  secret,
}: typeof given extends fc.Arbitrary<infer Given> ? Given : never): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...plain };
  for (const [name, [value, how]] of Object.entries(secret)) {
    const path = join(folder, name);
    if (how === "file" || how === "both") writeFileSync(path, value);
    if (how === "set" || how === "both") env[name] = value.replaceAll("\0", "0");
    // People do write the secret itself there.
    if (how === "path") env[`${name}_FILE`] = value.replaceAll("\0", "0");
    else if (how !== "set") env[`${name}_FILE`] = path;
  }
  return env;
}

function mistakesOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
}

describe("the environment", () => {
  it(
    "is read, or refused in sentences that name the variable and never a secret",
    () => {
      let refused = 0;
      let read = 0;
      fc.assert(
        fc.property(given, (settings) => {
          const beganMs = performance.now();
          const mistakes = mistakesOf(environmentOf(settings));
          expect(performance.now() - beganMs).toBeLessThan(1_000);
          if (mistakes.length === 0) read += 1;
          else refused += 1;
          for (const mistake of mistakes) {
            expect(
              settingNames.some((name) => mistake.startsWith(name)),
              mistake,
            ).toBe(true);
            expect(mistake).not.toContain(canary);
            expect(mistake).toMatch(/[.)]$/);
          }
        }),
        { numRuns: examples(150) },
      );
      expect(refused).toBeGreaterThan(30);
      expect(read).toBeGreaterThan(2);
    },
    examplesTimeoutMs,
  );

  it(
    "is told of every mistake at once: what each setting alone is refused for, all of them together are",
    () => {
      fc.assert(
        fc.property(given, (settings) => {
          const env = environmentOf(settings);
          // Settings that are judged beside others are left alone: what is wrong with a pair is no mistake of either.
          const alone = Object.keys(env).filter((name) => isJudgedAlone(name));
          const together = mistakesOf(env);
          for (const name of alone) {
            const own = mistakesOf({ [name]: env[name] }).filter((mistake) => mistake.startsWith(`${name} `));
            expect(together).toEqual(expect.arrayContaining([...own]));
          }
        }),
        { numRuns: examples(30) },
      );
    },
    examplesTimeoutMs,
  );
});

const judgedBesideOthers = [
  "KEIYAKU_FAILPOINT",
  "STRIPE_API_BASE",
  "REDIS_URL",
  "DATABASE_URL",
  "MAIL_FROM",
  "OPERATOR_MAIL",
  "QUEUE_DASHBOARD",
];

function isJudgedAlone(name: string): boolean {
  return plainNames.includes(name) && !judgedBesideOthers.includes(name);
}
