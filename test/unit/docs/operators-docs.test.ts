import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Console } from "../../../src/cli/context.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { operationKinds } from "../../../src/contract/operation.ts";

const repository = join(import.meta.dirname, "../../..");
const pages = [
  "docs/runbook.md",
  "docs/when-things-go-wrong.md",
  "docs/metrics.md",
  "docs/inbox.md",
  "docs/stripe-events.md",
  "docs/reconcile.md",
  "docs/audit.md",
];
const textOf = (page: string) => readFileSync(join(repository, page), "utf8");

/** The anchors of a page's headings, as they are made of their words. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, "")
      .replaceAll(/\s+/g, "-"),
  );
}

const output = { write: () => undefined, terminal: null, hasColors: false };
const silent: Console = { out: output, err: output, ask: null };

/** The commands that have commands of their own. */
const groups = ["operation", "contract", "event", "notification", "customer", "product"];

describe.each(pages)("%s", (page) => {
  const text = textOf(page);

  it("links to pages and headings that exist", () => {
    for (const [, target = "", anchor] of text.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
      const linked = target === "" ? page : join(dirname(page), target);
      expect(existsSync(join(repository, linked)), linked).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(textOf(linked)), `${linked}#${anchor}`).toContain(anchor);
    }
  });

  it("names commands, options and kinds that exist", async () => {
    const commands = [...text.matchAll(/(?:^|`)keiyaku ([a-z]+(?: [a-z_]+)*)([^`\n]*)/gm)];
    for (const [, words = "", rest = ""] of commands) {
      const [group = "", verb] = words.split(" ");
      const args = groups.includes(group) && verb !== undefined ? [group, verb] : [group];
      expect(await runProgram(silent, [...args, "--help"]), `keiyaku ${args.join(" ")}`).toBe(0);
      if (group === "request") expect(operationKinds, words).toContain(verb);
      let help = "";
      const write = (shown: string) => {
        help += shown;
      };
      const out = { ...output, write };
      await runProgram({ ...silent, out }, [...args, "--help"]);
      for (const [option] of rest.split("#")[0]?.matchAll(/--[a-z-]+/g) ?? [])
        expect(help, `${words} ${option}`).toContain(option);
    }
  });

  it("names files of the repository that exist", () => {
    for (const [, path = ""] of text.matchAll(/`((?:docs|src|deploy)\/[\w./-]+\.\w+)`/g)) {
      expect(existsSync(join(repository, path)), path).toBe(true);
    }
  });
});
