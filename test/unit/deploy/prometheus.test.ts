import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { expectMeasured, groupedBy } from "./promql.ts";

const repository = join(import.meta.dirname, "../../..");

const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Keiyaku[A-Z]\w+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(["page", "ticket"]) }),
          annotations: z.strictObject({ summary: z.string().min(20), runbook_url: z.string() }),
        }),
      ),
    }),
  ),
});

const rules = rulesSchema
  .parse(parse(readFileSync(join(repository, "deploy/prometheus/keiyaku.rules.yml"), "utf8")))
  .groups.flatMap((group) => group.rules);
const runbook = readFileSync(join(repository, "docs/runbook.md"), "utf8");
/** The sections of the runbook by their heading. */
const sections = new Map(
  runbook
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => [section.split("\n", 1)[0] ?? "", section]),
);

describe("deploy/prometheus/keiyaku.rules.yml", () => {
  it.each(rules)("$alert asks about what is measured", ({ expr, annotations }) => {
    expectMeasured(expr);
    for (const [, label = ""] of annotations.summary.matchAll(/\$labels\.(\w+)/g))
      expect(groupedBy(expr)).toContain(label);
  });

  it("names each alarm once", () => {
    const names = rules.map(({ alert }) => alert);
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
    expect(names.length).toBeGreaterThan(10);
  });

  it.each(rules)("$alert leads to its section of the runbook", ({ alert, annotations }) => {
    expect(annotations.runbook_url).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
    expect([...sections.keys()]).toContain(alert);
  });
});

describe("docs/runbook.md", () => {
  it("has a section for each alarm, in the alarms' order, and no other", () => {
    expect([...sections.keys()]).toEqual(rules.map(({ alert }) => alert));
  });

  it.each([...sections])(
    "%s says what it means, how to see more, what to do and when to wake somebody",
    (_, section) => {
      const heads = [...section.matchAll(/^- \*\*([^*]+)\*\*: ?\S?/gm)].map(([, head]) => head);
      expect(heads).toEqual(["Means", "See more", "Do", "Wake"]);
    },
  );
});
