import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { readConfig, settingNames } from "../../src/config.ts";

function setup() {
  const example = readFileSync(new URL("../../.env.example", import.meta.url), "utf8");
  return { example, named: [...example.matchAll(/^(?:# )?([A-Z][A-Z_]*)=/gm)].map((match) => match[1] ?? "") };
}

test(".env.example names every setting that is read, once, and no other", () => {
  const { named } = setup();

  expect(named.toSorted()).toEqual(settingNames);
});

test("a copy of .env.example says the same as no file at all", () => {
  const { example } = setup();

  expect(readConfig(parseEnv(example))).toEqual(readConfig({}));
});

test("the settings that are listed are those that are asked for", () => {
  const asked = new Set<string>();
  const env = new Proxy<NodeJS.ProcessEnv>(
    {},
    {
      get: (_, name) => {
        asked.add(String(name));
        return undefined;
      },
    },
  );

  readConfig(env);

  expect([...asked].toSorted()).toEqual(settingNames);
});
