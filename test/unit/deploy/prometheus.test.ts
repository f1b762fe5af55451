import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { evaluate, type Series } from "./evaluate.ts";
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

describe("the events of a day", () => {
  /** A counter that has grown by so much today, and by so much of that within the last half hour. */
  const grown = (name: string, labels: Series["labels"], day: number, halfHour = 0): Series => ({
    name: `keiyaku_${name}_total`,
    labels,
    grown: { "1d": day, "1h": halfHour, "30m": halfHour },
  });
  const arrived = (answer: string, day: number, halfHour = 0) =>
    grown("stripe_events", { way: "relay", answer }, day, halfHour);
  const listed = (found: string, day: number) => grown("events_listed", { found }, day, day);
  const fires = (alert: string, ...series: Series[]) => {
    const rule = rules.find((each) => each.alert === alert);
    return [...evaluate(rule?.expr ?? "", series).keys()];
  };

  it.each([
    ["three of a handful, when the endpoint is dead", 3, 0, true],
    ["three of eight, when one type is not sent", 3, 5, true],
    ["two, which may have been on their way", 2, 0, false],
    ["the few of a busy day that were on their way", 30, 1_000, false],
    ["a quarter of a busy day", 250, 750, true],
  ])("KeiyakuEventsMissing hears of %s", (_, missing, takenIn, isHeard) => {
    const fired = fires("KeiyakuEventsMissing", listed("missing", missing), arrived("taken_in", takenIn));
    expect(fired).toEqual(isHeard ? [""] : []);
  });

  it.each([
    ["three of a handful, when the secret is wrong", arrived("signature_invalid", 3), 0, ["signature_invalid"]],
    ["three, where two were taken", arrived("wrong_mode", 3), 2, ["wrong_mode"]],
    ["many at once on a busy day", arrived("wrong_account", 6, 6), 10_000, ["wrong_account"]],
    ["two", arrived("signature_invalid", 2), 0, []],
    ["a few that somebody else has sent, on a busy day", arrived("signature_invalid", 5), 200, []],
    ["what Stripe sent twice", arrived("duplicate", 50, 50), 0, []],
  ] as const)("KeiyakuStripeEventsRefused hears of %s", (_, refused, takenIn, expected) => {
    expect(fires("KeiyakuStripeEventsRefused", refused, arrived("taken_in", takenIn))).toEqual(expected);
  });

  it("KeiyakuEventsForeign hears of one", () => {
    expect(fires("KeiyakuEventsForeign", listed("foreign", 1))).toEqual([""]);
    expect(fires("KeiyakuEventsForeign", listed("foreign", 0), listed("known", 9))).toEqual([]);
  });

  it("KeiyakuEventVersion hears of what an endpoint sends, not of what the account lists", () => {
    const written = (way: string, version: string) => grown("stripe_event_versions", { way, version }, 1);
    expect(fires("KeiyakuEventVersion", written("relay", "other"), written("backfill", "other"))).toEqual(["relay"]);
    expect(fires("KeiyakuEventVersion", written("queue", "ours"))).toEqual([]);
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
