import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { settingNames } from "../../../src/config.ts";
import { eventTypes, meaningOf } from "../../../src/stripe/events.ts";
import { stripeApiVersion } from "../../../src/stripe/stripe-gateway.ts";
import { arrivalAnswers } from "../../../src/stripe/verify-event.ts";
import { eventMeanings, eventOf } from "../../support/stripe-events.ts";

const path = join(import.meta.dirname, "../../../docs/stripe-events.md");
const page = readFileSync(path, "utf8");

/** The rows of the table between two marks, without its head. */
function rowsOf(mark: string): readonly (readonly string[])[] {
  const [, table = ""] = new RegExp(`<!-- ${mark} -->\\n([\\s\\S]*)<!-- /${mark} -->`).exec(page) ?? [];
  const rows = table.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

/** What an event of this type becomes, by the code. */
function becomes(type: string): string {
  const [object] = eventMeanings[type] ?? [];
  if (object === undefined) throw new Error(`There is no object for ${type}.`);
  const meaning = meaningOf({ type, body: { ...eventOf(type, object) } });
  return meaning.type === "operation" ? meaning.kind : "–";
}

describe("docs/stripe-events.md", () => {
  it("tells every type that an endpoint is to be sent, and what it becomes", () => {
    const rows = rowsOf("types");

    expect(rows.map(([type, operation]) => [type, operation])).toEqual(eventTypes.map((type) => [type, becomes(type)]));
    for (const [type, , why = ""] of rows) expect([type, why.length > 5]).toEqual([type, true]);
    expect(page).toContain(`the ${eventTypes.length} of the table below`);
  });

  it("tells every answer, in the order in which they are counted", () => {
    expect(rowsOf("answers").map(([answer]) => answer)).toEqual([...arrivalAnswers]);
  });

  it("names the API version that is spoken, settings and files that exist", () => {
    expect(page).toContain(`api_version=${stripeApiVersion}`);
    for (const [, name = ""] of page.matchAll(/`((?:STRIPE|RELAY)_[A-Z_]+)\b/g)) expect(settingNames).toContain(name);
    for (const [, target = ""] of page.matchAll(/\]\(([^)#]+)\)/g)) {
      expect(existsSync(join(dirname(path), target)), target).toBe(true);
    }
  });
});
