import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { expectMeasured, groupedBy } from "./promql.ts";

const panelSchema = z.object({
  id: z.number(),
  title: z.string().min(1),
  type: z.enum(["row", "stat", "timeseries"]),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string() })).default([]),
});
const dashboardSchema = z.object({
  uid: z.literal("keiyaku"),
  title: z.literal("keiyaku"),
  schemaVersion: z.number(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  panels: z.array(panelSchema),
});

const text = readFileSync(join(import.meta.dirname, "../../../deploy/grafana/keiyaku.json"), "utf8");
const { panels, templating } = dashboardSchema.parse(JSON.parse(text));
const charts = panels.filter(({ type }) => type !== "row");
const targets = charts.flatMap(({ title, targets: of }) => of.map((target) => ({ title, ...target })));

describe("deploy/grafana/keiyaku.json", () => {
  it.each(targets)("$title shows what is measured: $expr", ({ expr, legendFormat }) => {
    expectMeasured(expr);
    for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(groupedBy(expr)).toContain(label);
  });

  it("gives each panel a place, a number and something to show", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { targets: of, gridPos } of charts) {
      expect(of.length).toBeGreaterThan(0);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
    for (const one of panels) {
      const overlapping = panels.filter(({ id, gridPos: { x, y, w, h } }) => {
        const { gridPos: mine } = one;
        return id !== one.id && x < mine.x + mine.w && mine.x < x + w && y < mine.y + mine.h && mine.y < y + h;
      });
      expect(overlapping.map(({ title }) => title)).toEqual([]);
    }
  });

  it("lets whoever imports it choose their Prometheus", () => {
    expect(templating.list).toContainEqual(expect.objectContaining({ name: "datasource", type: "datasource" }));
    expect(text.match(/"uid": "\$\{datasource\}"/g)?.length).toBeGreaterThan(charts.length);
  });

  it("shows every metric of ours that somebody may have to look at", () => {
    const shown = targets.map(({ expr }) => expr).join("\n");
    for (const name of [
      "operations_held",
      "refunds_owed",
      "oldest_open_operation_seconds",
      "queue_jobs",
      "stripe_calls_total",
      "events_for_a_person",
      "events_waiting",
      "events_total",
      "oldest_due_event_seconds",
      "events_listed_total",
      "events_listed_age_seconds",
      "stripe_events_total",
      "stripe_event_versions_total",
      "mails_total",
      "mails_waiting",
      "mails_refused",
      "mails_unknown",
      "oldest_waiting_mail_seconds",
    ]) {
      expect(shown).toContain(`keiyaku_${name}`);
    }
  });
});
