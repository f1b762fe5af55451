import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { settingsDocument } from "../../scripts/settings-document.ts";
import { settingNames } from "../../src/config.ts";

test("docs/settings.md is what .env.example says now, of every setting; npm run generate writes it", () => {
  const written = readFileSync(join(import.meta.dirname, "../../docs/settings.md"), "utf8");
  expect(written).toBe(settingsDocument());
  for (const name of settingNames) expect(written).toContain(`| \`${name}\` |`);
});
